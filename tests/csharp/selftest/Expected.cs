// What .NET programs expect of the API.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;
using Wmmf;
using static Checks;

internal static class ExpectedTests
{
    internal static void TestTryForms()
    {
        var name = NewName();
        Check(!MemoryMappedFile.TryOpen(name, out var none) && none == null && !MemoryMappedFile.Exists(name), "no section");
        Check(!FrameChannel.TryOpen(name, out var noChannel) && noChannel == null && !FrameChannel.Exists(name), "no channel");
        using var channel = FrameChannel.Create(name, 10, slots: 3);
        Check(FrameChannel.TryOpen(name, out var opened) && FrameChannel.Exists(name), "a channel");
        using var reader = opened!;
        Check(!reader.TryLatest(out _) && !reader.TryNext(out _), "no frame");
        channel.Publish(new byte[1]);
        Check(reader.TryLatest(out var latest) && !reader.TryNext(out _), "had it");
        latest!.Dispose();
        Check(channel.TryBegin(out var slot) && OfAnotherThread(() => !reader.TryBegin(out _)), "one writes");
        slot!.Dispose();
        using var file = MemoryMappedFile.Create(NewName(), 10);
        using var other = MemoryMappedFile.Open(file.Name);
        Check(file.TryEnterWriteLock(), "taken");
        Check(OfAnotherThread(() => !other.TryEnterWriteLock()), "not twice");
        Check(OfAnotherThread(() => !other.TryEnterReadLock(TimeSpan.FromMilliseconds(1))), "not twice");
        Fails(WmmfStatus.Deadlock, () => other.TryEnterWriteLock()); // this thread would wait for itself
        file.ExitWriteLock();
        Check(other.TryEnterReadLock() && file.TryEnterReadLock(), "shared");
        other.ExitReadLock();
        file.ExitReadLock();
        Fails(WmmfStatus.NotOwner, file.ExitReadLock);
        Throws<WmmfException>(() => MemoryMappedFile.TryOpen(channel.Name, out _, layout: SectionLayout.Native, readOnly: false));
    }

    internal static void TestTimeoutsAreTimeoutExceptions()
    {
        using var file = MemoryMappedFile.Create(NewName(), 10);
        using var other = MemoryMappedFile.Open(file.Name);
        using var held = file.WriteLock();
        var error = OfAnotherThread(() => Throws<TimeoutException>(() => other.ReadLock(TimeSpan.Zero)));
        Check(error is IWmmfError { Status: WmmfStatus.Timeout, OsError: 0 }, "with the status");
    }

    internal static void TestCreateOrOpenSaysWhich()
    {
        using var first = MemoryMappedFile.CreateOrOpen(NewName(), 10, out var isNew);
        using var second = MemoryMappedFile.CreateOrOpen(first.Name, 10, out var isNewAgain);
        Check(isNew && !isNewAgain, "sections");
        using var channel = FrameChannel.CreateOrOpen(NewName(), 10, out isNew);
        using var again = FrameChannel.CreateOrOpen(channel.Name, 10, out isNewAgain);
        Check(isNew && !isNewAgain, "channels");
    }

    internal static void TestOwnOnlyWantsTheSameAccess()
    {
        using var first = MemoryMappedFile.CreateOrOpen(NewName(), 10, access: SectionAccess.UsersRead, ownOnly: true);
        using var second = MemoryMappedFile.CreateOrOpen(first.Name, 10, access: SectionAccess.UsersRead, ownOnly: true);
        using var channel = FrameChannel.CreateOrOpen(NewName(), 10, access: SectionAccess.UsersRead, ownOnly: true);
        if (OperatingSystem.IsWindows())
            return; // it compares the owner only
        var error = Throws<WmmfException>(() => MemoryMappedFile.CreateOrOpen(first.Name, 10, ownOnly: true));
        Check(error.Status == WmmfStatus.Access && error.Message.Contains("mode 0644"), error.Message);
        error = Throws<WmmfException>(() => FrameChannel.CreateOrOpen(channel.Name, 10, ownOnly: true));
        Check(error.Status == WmmfStatus.Access, error.Message);
    }

    internal static unsafe void TestFramesInPlace()
    {
        using var channel = FrameChannel.Create(NewName(), 24);
        var rows = Enumerable.Range(0, 24).Select(i => (byte)i).ToArray();
        Check(channel.Publish(rows.AsMemory().Span, 2, 3, 8, FourCC.Bgr24) == 1, "memory");
        fixed (byte* bytes = rows)
            Check(channel.Publish((IntPtr)bytes, 24, 2, 3, 8, FourCC.Bgr24) == 2, "an address");
        using var frame = channel.Latest();
        Check(frame.GetRow(2)[1] == 17 && frame.GetRow(0).Length == 8, "rows");
        Throws<ArgumentOutOfRangeException>(() => frame.GetRow(3).ToArray());
        Check(frame.Memory.Span[5] == 5 && frame.ToArray().SequenceEqual(rows), "memory, a copy");
        Check(((byte*)frame.DataPointer)[7] == 7, "address");
        fixed (byte* pinned = frame)
            Check(pinned == (byte*)frame.DataPointer, "fixed");
        var tight = new byte[18];
        fixed (byte* to = tight)
            frame.CopyTo((IntPtr)to, 6);
        Check(tight.SequenceEqual(new byte[] { 0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 16, 17, 18, 19, 20, 21 }), "rows without gaps");
        Throws<ArgumentOutOfRangeException>(() => frame.CopyTo((IntPtr)1, 5));
        var first = new byte[18];
        fixed (byte* bytes = rows, to = first)
        {
            channel.Publish((IntPtr)bytes, 24, 2, 2, 8, FourCC.Bgr24);
            using var shorter = channel.Latest();
            shorter.CopyTo((IntPtr)to, 6);
        }
        Check(first.SequenceEqual(tight.Take(12).Concat(new byte[6])), "two rows, of a slot with bytes for three");
        using var slot = channel.Begin();
        slot.Stride = 8;
        slot.GetRow(1)[0] = 99;
        slot.Memory.Span[1] = 98;
        fixed (byte* pinned = slot)
            Check(pinned[8] == 99 && pinned[1] == 98 && (IntPtr)pinned == slot.DataPointer, "a slot in place");
    }

    internal static void TestArraysKeepElementAndShape()
    {
        using var channel = FrameChannel.Create(NewName(), 1000);
        var values = Enumerable.Range(0, 24).Select(i => i / 2f).ToArray();
        channel.PublishArray<float>(values, [2, 3, 4]);
        using (var frame = channel.Latest())
        {
            Check(frame.Element == FrameElement.Float32 && frame.Shape.SequenceEqual(new[] { 2, 3, 4 }), frame.ToString());
            Check(frame.Values<float>().SequenceEqual(values) && frame.ToString() == "frame 1, Float32[2, 3, 4]", frame.ToString());
            Throws<InvalidOperationException>(() => frame.Values<double>().ToArray());
        }
        using (var slot = channel.Begin())
        {
            slot.SetShape<short>([3, 1]);
            slot.Values<short>()[2] = -7;
            slot.Publish();
        }
        using (var frame = channel.Latest())
            Check(frame.Size == 6 && frame.Values<short>()[2] == -7 && frame.Element == FrameElement.Int16, "a slot");
        Throws<ArgumentException>(() => channel.PublishArray<int>(new int[5], [2, 3]));
        Throws<NotSupportedException>(() => channel.PublishArray<decimal>(new decimal[1], [1]));
    }

    private struct Point
    {
        public int X;
        public double Y;
    }

    internal static void TestTypedAccess()
    {
        using var file = MemoryMappedFile.Create(NewName(), 100);
        file.Write(new Point { X = 3, Y = 0.5 }, 16);
        Check(file.Read<Point>(16) is { X: 3, Y: 0.5 }, "a value");
        file.WriteValues<int>(new[] { 1, 2, 3 }, 40);
        var back = new int[3];
        file.ReadValues<int>(back, 40);
        Check(back.SequenceEqual(new[] { 1, 2, 3 }), "values");
        using (var held = file.WriteLock())
        {
            held.AsRef<Point>(16).X++;
            held.Bytes(44, 1)[0] = 9;
        }
        using (var held = file.ReadLock())
            Check(held.Bytes(16, 1)[0] == 4 && held.Bytes(44)[0] == 9, "in place");
        using var view = file.View(40, 12);
        Check(view.Values<int>()[1] == 9 && view.AsRef<int>(8) == 3, "a view");
        Fails(WmmfStatus.Range, () => file.Read<Point>(90));
    }

    internal static void TestStream()
    {
        using var file = MemoryMappedFile.Create(NewName(), 100);
        using (var stream = file.CreateStream(10, 20))
        using (var writer = new BinaryWriter(stream))
        {
            writer.Write(12345);
            writer.Write("hello");
            Throws<NotSupportedException>(() => writer.Write(new byte[20]));
        }
        Check(file.Read<int>(10) == 12345, "where it begins");
        using var reader = MemoryMappedFile.Open(file.Name, readOnly: true);
        using var input = reader.CreateStream(10, 20);
        using var text = new BinaryReader(input);
        Check(!input.CanWrite && text.ReadInt32() == 12345 && text.ReadString() == "hello", "read back");
        input.Seek(-1, SeekOrigin.End);
        Check(input.Read(new byte[5], 0, 5) == 1 && input.ReadByte() == -1, "its end");
        Throws<NotSupportedException>(() => input.WriteByte(1));
    }

    internal static void TestMessagesSayWhatToDo()
    {
        void Says(string what, Action action)
        {
            try
            {
                action();
            }
            catch (Exception error)
            {
                Check(error.Message.Contains(what), $"{what}: {error.Message}");
                return;
            }
            Check(false, $"no error: {what}");
        }
        Says("nameSpace: SectionNamespace.Global", () => MemoryMappedFile.Open(@"Global\x"));
        Says("nameSpace: SectionNamespace.Global", () => FrameChannel.Create(@"Global\x", 10));
        Says("access: SectionAccess.Mode", () => MemoryMappedFile.Create(NewName(), 1, mode: 0x1B6));
        using var channel = FrameChannel.Create(NewName(), 10, slots: 3);
        Says("expected at most 10", () => channel.Publish(new byte[11]));
        channel.Publish(new byte[5]);
        Says("a buffer of Capacity bytes", () => channel.ReadInto(new byte[4]));
        using (channel.Begin())
            Says("publish or dispose that first", () => channel.Begin());
        using (channel.Latest())
        {
            channel.Publish(new byte[1]);
            using (channel.Latest())
            {
                channel.Publish(new byte[1]);
                Says($"in use by process {Environment.ProcessId}", () => channel.Begin(TimeSpan.Zero));
            }
        }
        using var file = MemoryMappedFile.Create(NewName(), 1);
        using var reader = MemoryMappedFile.Open(file.Name, readOnly: true);
        Says("readOnly: true", () => reader.Write(new byte[1]));
        Says("ReadOnlySpan", () => reader.View().GetSpan().Clear());
        using var large = MemoryMappedFile.Open(file.Name);
        Says("expected 0 to 1", () => large.View(2));
    }

    internal static void TestWhatItIsIsTold()
    {
        using var file = MemoryMappedFile.Create(NewName(), 10);
        Check(file.ToString() == $"section '{file.Name}' of 10 bytes, Native", file.ToString());
        using var channel = FrameChannel.Create(NewName(), 10);
        Check(channel.ToString() == $"channel '{channel.Name}' of 4 slots of 10 bytes", channel.ToString());
        channel.Publish(new byte[4], 2, 2, fourCC: FourCC.Gray8);
        using var frame = channel.Latest();
        Check(frame.ToString() == "frame 1, 2 x 2 GREY", frame.ToString());
        Check(frame.Age > TimeSpan.Zero && frame.Age < TimeSpan.FromMinutes(1), $"{frame.Age}");
        Check(file.Audit().ToString() == "sound, 1 participant", file.Audit().ToString());
        var who = channel.Participants().Single().ToString();
        Check(who == $"process {Environment.ProcessId}, holds frames from 1 on", who);
        Check(new FourCC(FourCC.Bgr24.Code) == FourCC.Bgr24 && FourCC.Gray16.ToString() == "Y16 ", "FourCC");
    }
}
