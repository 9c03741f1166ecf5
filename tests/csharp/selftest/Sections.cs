// Sections: what is written is read, and errors say what is wrong.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using Wmmf;
using static Checks;
using DotNet = System.IO.MemoryMappedFiles.MemoryMappedFile;

internal static class SectionsTests
{
    internal static void TestWhatIsWrittenIsRead()
    {
        var name = NewName();
        using var writer = MemoryMappedFile.Create(name, 1000);
        using var reader = MemoryMappedFile.Open(name);
        Check(reader.Size == 1000 && reader.Layout == SectionLayout.Native && !reader.IsReadOnly, "properties");
        writer.Write(new byte[] { 1, 2, 3 }, 997);
        var found = new byte[3];
        reader.Read(found, 997);
        Check(found.SequenceEqual(new byte[] { 1, 2, 3 }), "bytes");
        Check(reader.Sequence == 1, "sequence");
    }

    internal static void TestErrorsHaveTheStatusAndNameTheValue()
    {
        var name = NewName();
        Fails(WmmfStatus.NotFound, () => MemoryMappedFile.Open(name));
        Fails(WmmfStatus.Size, () => MemoryMappedFile.Create(name, 0));
        Fails(WmmfStatus.NameEmpty, () => MemoryMappedFile.Create("", 1));
        Fails(WmmfStatus.NameInvalid, () => MemoryMappedFile.Create("a\\b", 1));
        Fails(WmmfStatus.NameTooLong, () => MemoryMappedFile.Create(new string('x', 231), 1));
        using var file = MemoryMappedFile.Create(name, 10);
        Fails(WmmfStatus.Exists, () => MemoryMappedFile.Create(name, 10));
        Fails(WmmfStatus.Size, () => MemoryMappedFile.Open(name, size: 11));
        Fails(WmmfStatus.Range, () => file.Write(new byte[11]));
        Fails(WmmfStatus.Range, () => file.Read(new byte[1], 10));
        Fails(WmmfStatus.NotOwner, file.ExitReadLock);
        Fails(WmmfStatus.NotOwner, file.ExitWriteLock);
        Fails(WmmfStatus.NotOwner, file.MarkConsistent);
        var message = Throws<WmmfException>(() => file.Write(new byte[11], 5)).Message;
        Check(message.Contains("11 bytes at offset 5") && message.Contains(name), message);
        Throws<ArgumentException>(() => MemoryMappedFile.Create("a\0b", 1));
        Throws<ArgumentException>(() => MemoryMappedFile.Create("\ud800", 1));
        Throws<ArgumentNullException>(() => MemoryMappedFile.Create(null!, 1));
        Throws<ArgumentOutOfRangeException>(() => MemoryMappedFile.Create(name, -1));
        Throws<ArgumentOutOfRangeException>(() => file.Write(new byte[1], -1));
        Throws<ArgumentOutOfRangeException>(() => file.Write(new byte[1], 0, TimeSpan.FromSeconds(-2)));
        Throws<ArgumentOutOfRangeException>(() => MemoryMappedFile.Create(name, 1, access: SectionAccess.Mode, mode: 512));
        Throws<ArgumentOutOfRangeException>(() => MemoryMappedFile.CreateOrOpen(name, 1, participants: 4097));
        Throws<ArgumentOutOfRangeException>(() => file.View(11));
        Throws<ArgumentOutOfRangeException>(() => file.View(0, 11));
    }

    internal static void TestArgumentsThatAreRefusedAreNamed()
    {
        var name = NewName();
        Refuses("nameSpace", "9", "Local, Global, Custom", () => MemoryMappedFile.Create(name, 1, (SectionNamespace)9));
        Refuses("nameSpace", "9", "Local, Global, Custom", () => MemoryMappedFile.Open(name, (SectionNamespace)9));
        Refuses("nameSpace", "9", "Local or Global", () => MemoryMappedFile.List((SectionNamespace)9));
        Refuses("nameSpace", "9", "Local, Global, Custom", () => FrameChannel.Open(name, (SectionNamespace)9));
        Refuses("layout", "-1", "Native, Winmmf, Raw", () => MemoryMappedFile.CreateOrOpen(name, 1, layout: (SectionLayout)(-1)));
        Refuses("access", "7", "Owner, UsersRead", () => MemoryMappedFile.Create(name, 1, access: (SectionAccess)7));
        Refuses("access", "7", "Owner, UsersRead", () => FrameChannel.Create(name, 1, access: (SectionAccess)7));
        Refuses("sddl", "null", "Sddl", () => MemoryMappedFile.Create(name, 1, access: SectionAccess.Sddl));
        Refuses("sddl", "D:", "Owner", () => FrameChannel.CreateOrOpen(name, 1, sddl: "D:"));
        using var file = MemoryMappedFile.Create(name, 1);
        using var channel = FrameChannel.Create(NewName(), 1);
        var negative = TimeSpan.FromSeconds(-2);
        Refuses("timeout", "-00:00:02", "zero or more", () => file.ReadLock(negative));
        Refuses("timeout", "-00:00:02", "zero or more", () => file.WriteLock(negative));
        Refuses("timeout", "-00:00:02", "zero or more", () => file.Wait(0, negative));
        Refuses("timeout", "-00:00:02", "zero or more", () => channel.Begin(negative));
        var foreign = OperatingSystem.IsWindows() ? SectionAccess.Mode : SectionAccess.Sddl;
        var message = Throws<WmmfException>(() => MemoryMappedFile.Create(
            name, 1, access: foreign, sddl: foreign == SectionAccess.Sddl ? "D:" : null)).Message;
        Check(message.Contains($"access {foreign}"), message);
        message = Throws<WmmfException>(() => MemoryMappedFile.Open(name, size: 5000)).Message;
        Check(message.Contains("5000 bytes"), message);
        message = Throws<WmmfException>(() => channel.Publish(new byte[7])).Message;
        Check(message.Contains("7 bytes") && message.Contains("expected at most 1,"), message);
    }

    internal static void TestNamesInAnyScript()
    {
        using var file = MemoryMappedFile.Create(NewName() + "-камера-カメラ-📷", 10);
        using var again = MemoryMappedFile.Open(file.Name);
        Check(again.Size == 10, "size");
    }

    internal static void TestReadOnlyCannotWrite()
    {
        using var file = MemoryMappedFile.Create(NewName(), 10);
        using var reader = MemoryMappedFile.Open(file.Name, readOnly: true);
        file.Write(new byte[] { 42 }, 9);
        var found = new byte[10];
        reader.Read(found);
        Check(reader.IsReadOnly && found[9] == 42, "reads");
        Fails(WmmfStatus.ReadOnly, () => reader.Write(new byte[1]));
        Fails(WmmfStatus.ReadOnly, () => reader.ReadLock());
    }

    internal static void TestLookingAtWhatIsThere()
    {
        using var file = MemoryMappedFile.Create(NewName(), 10, SectionNamespace.Global);
        using var other = MemoryMappedFile.Open(file.Name, SectionNamespace.Global);
        Check(MemoryMappedFile.List(SectionNamespace.Global).Contains(file.Name), "listed");
        Check(!MemoryMappedFile.List().Contains(file.Name), "listed where it is");
        Refuses("nameSpace", "Custom", "Local or Global", () => MemoryMappedFile.List(SectionNamespace.Custom));
        other.Write(new byte[1]);
        using (other.WriteLock())
        {
            var found = file.Participants();
            Check(found.Count == 2 && found.All(one => one.IsAlive && one.ProcessId == Environment.ProcessId), "both");
            Check(found[0].WritingSince == null && found[1].Writes == 1, "who wrote");
            var past = DateTimeOffset.UtcNow - found[1].WritingSince!.Value;
            Check(past.Duration() < TimeSpan.FromMinutes(1), $"since {found[1].WritingSince}");
        }
        using var raw = MemoryMappedFile.Create(NewName(), 10, layout: SectionLayout.Raw);
        Fails(WmmfStatus.NotSupported, () => raw.Participants());
    }

    internal static void TestOtherLayouts()
    {
        using (var file = MemoryMappedFile.Create(NewName(), 10, layout: SectionLayout.Winmmf))
        {
            using var other = MemoryMappedFile.Open(file.Name, layout: SectionLayout.Winmmf, size: 10);
            using (file.WriteLock())
                Fails(WmmfStatus.Deadlock, () => other.ReadLock(TimeSpan.Zero));
            Fails(WmmfStatus.NotSupported, () => file.Wait(0));
        }
        using var raw = MemoryMappedFile.Create(NewName(), 10, layout: SectionLayout.Raw);
        Fails(WmmfStatus.NotSupported, () => raw.ReadLock());
        raw.Write(new byte[] { 1 });
        Fails(WmmfStatus.Format, () => MemoryMappedFile.Open(raw.Name));
    }

    internal static void TestCreateOrOpen()
    {
        using var first = MemoryMappedFile.CreateOrOpen(NewName(), 10);
        first.Write(new byte[] { 9 });
        using var second = MemoryMappedFile.CreateOrOpen(first.Name, 10);
        var found = new byte[1];
        second.Read(found);
        Check(found[0] == 9, "the same section");
        Fails(WmmfStatus.Size, () => MemoryMappedFile.CreateOrOpen(first.Name, 11));
        using var full = MemoryMappedFile.CreateOrOpen(NewName(), 10, participants: 1);
        Fails(WmmfStatus.Full, () => MemoryMappedFile.Open(full.Name));
    }

    internal static void TestOnWindowsRawSectionsAreThoseOfDotNet()
    {
        var name = NewName();
        var found = new byte[1];
        using (var theirs = DotNet.CreateNew($@"Global\{name}", 5000))
        using (var bytes = theirs.CreateViewAccessor(0, 5000))
        using (var ours = MemoryMappedFile.Open(name, SectionNamespace.Global, SectionLayout.Raw, 5000))
        {
            bytes.Write(4999, (byte)42);
            ours.Read(found, 4999);
            Check(found[0] == 42, "what .NET wrote into its section");
            ours.Write(new byte[] { 43 });
            Check(bytes.ReadByte(0) == 43, "what we wrote into the section of .NET");
        }
        using var created = MemoryMappedFile.Create(name, 5000, layout: SectionLayout.Raw);
        using var opened = DotNet.OpenExisting($@"Local\{name}");
        using var accessor = opened.CreateViewAccessor(0, 5000);
        created.Write(new byte[] { 44 }, 4999);
        Check(accessor.ReadByte(4999) == 44, "what we wrote into our section");
        accessor.Write(0, (byte)45);
        created.Read(found);
        Check(found[0] == 45, "what .NET wrote into our section");
    }
}
