// Sections without a name, within one process; ../../cross hands them to others.
using System;
using System.IO;
using Microsoft.Win32.SafeHandles;
using Wmmf;
using static Checks;

internal static class UnnamedTests
{
    private static void Close(IntPtr handle) => new SafeFileHandle(handle, ownsHandle: true).Dispose();

    internal static void TestAHandleLeadsToTheSection()
    {
        IntPtr handle;
        using (var section = MemoryMappedFile.CreateUnnamed(1000, locks: 1))
        {
            Check(section.Name.Length == 0 && section.ToString() == "unnamed section of 1000 bytes, Native", section.ToString());
            handle = section.Share();
            using var other = MemoryMappedFile.OpenHandle(handle);
            Check(other.Size == 1000 && section.Participants().Count == 2, "both have it open");
            using (section.WriteLock())
                Check(OfAnotherThread(() => !other.TryEnterReadLock()), "excluded");
            other.Write(42, 996);
            using (section.LockAt(0).WriteLock())
                Check(section.Read<int>(996) == 42, "the same bytes");
        }
        using (var again = MemoryMappedFile.OpenHandle(handle, size: 1000))
            Check(again.Read<int>(996) == 42, "the handle kept it");
        Close(handle);
    }

    internal static void TestAReaderHandsOnNoMoreThanItHas()
    {
        using var section = MemoryMappedFile.CreateUnnamed(100, reserve: 10_000);
        var handle = section.Share(readOnly: true);
        using var reader = MemoryMappedFile.OpenHandle(handle, readOnly: true);
        section.Resize(5000);
        Check(reader.IsReadOnly && reader.Size == 5000, "read-only");
        Fails(WmmfStatus.ReadOnly, () => reader.Write(1));
        Fails(WmmfStatus.ReadOnly, () => reader.Share());
        Close(reader.Share(readOnly: true));
        Close(handle);
    }

    internal static void TestWhatIsNoUnnamedSection()
    {
        using var named = MemoryMappedFile.Create(NewName(), 100);
        Fails(WmmfStatus.NotSupported, () => named.Share());
        Fails(WmmfStatus.NotSupported, () => MemoryMappedFile.CreateUnnamed(100, SectionLayout.Winmmf));
        Fails(WmmfStatus.Size, () => MemoryMappedFile.CreateUnnamed(0));
        Fails(WmmfStatus.Argument, () => MemoryMappedFile.OpenHandle(new IntPtr(0x7ffffff0)));
        Refuses("size", "-1", "0 or more", () => MemoryMappedFile.OpenHandle(IntPtr.Zero, size: -1));
        using var raw = MemoryMappedFile.CreateUnnamed(100, SectionLayout.Raw);
        Refuses("processId", "-1", "0 or more", () => raw.Share(-1));
        var handle = raw.Share();
        raw.Write(1);
        Fails(WmmfStatus.Format, () => MemoryMappedFile.OpenHandle(handle));
        Fails(WmmfStatus.Size, () => MemoryMappedFile.OpenHandle(handle, SectionLayout.Raw, size: 1 << 30));
        Close(handle);
        raw.Dispose();
        Throws<ObjectDisposedException>(() => raw.Share());
        var path = Path.GetTempFileName();
        using (var file = File.OpenHandle(path, access: FileAccess.ReadWrite))
            Fails(WmmfStatus.Format, () => MemoryMappedFile.OpenHandle(file.DangerousGetHandle(), SectionLayout.Raw));
        File.Delete(path);
    }

    internal static void TestOnWindowsAHandleIsForOneProcess()
    {
        using var section = MemoryMappedFile.CreateUnnamed(100, SectionLayout.Raw);
        var handle = section.Share(Environment.ProcessId);
        using (var other = MemoryMappedFile.OpenHandle(handle, SectionLayout.Raw))
            other.Write(7);
        Check(section.Read<int>() == 7, "the same bytes");
        Close(handle);
        Fails(WmmfStatus.NotFound, () => section.Share(0x7ffffff0));
    }

    internal static void TestOnLinuxOneOpensItByThePathOfTheDescriptor()
    {
        using var section = MemoryMappedFile.CreateUnnamed(100);
        var handle = section.Share();
        var path = $"/proc/{Environment.ProcessId}/fd/{handle}";
        using (var opened = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
        using (var other = MemoryMappedFile.OpenHandle(opened.DangerousGetHandle()))
            other.Write(7);
        Check(section.Read<int>() == 7, "the same bytes");
        Fails(WmmfStatus.NotSupported, () => section.Share(Environment.ProcessId));
        using (var cutter = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
            Throws<UnauthorizedAccessException>(() => RandomAccess.SetLength(cutter, 1));
        Close(handle);
    }
}
