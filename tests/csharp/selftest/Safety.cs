// Nothing in safe code crashes, tears a picture or harms another.
using System;
using System.Buffers;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;
using Wmmf;
using static Checks;

internal static class SafetyTests
{
    private static void CollectWhatCanBe()
    {
        for (var i = 0; i < 10; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            _ = new byte[100_000];
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)] // so that nothing but the span is left
    private static Span<byte> OfForgottenView(string name) => MemoryMappedFile.Open(name).View().GetSpan();

    internal static void TestSpanOfForgottenViewStaysValid()
    {
        var file = MemoryMappedFile.Create(NewName(), 5000);
        file.Write(new byte[] { 7 });
        var span = OfForgottenView(file.Name);
        file.Dispose();
        CollectWhatCanBe();
        Check(span[0] == 7 && span[4999] == 0, "as it was");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Span<byte> OfDisposedFile(string name)
    {
        using var file = MemoryMappedFile.Create(name, 5000);
        file.Write(new byte[] { 7 });
        return file.View().GetSpan();
    }

    internal static void TestSpanOfDisposedFileStaysValid()
    {
        var span = OfDisposedFile(NewName());
        CollectWhatCanBe();
        Check(span[0] == 7, "as it was");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ReadOnlySpan<byte> OfForgottenChannel(string name) => FrameChannel.Open(name).Latest().Data;

    internal static void TestSpanOfForgottenChannelStaysValid()
    {
        using var writer = FrameChannel.Create(NewName(), 5000);
        writer.Publish(Enumerable.Repeat((byte)7, 5000).ToArray());
        var span = OfForgottenChannel(writer.Name);
        CollectWhatCanBe();
        for (var i = 0; i < 20; i++)
            writer.Publish(new byte[5000]);
        Check(span[0] == 7 && span[4999] == 7, "as it was");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ReadOnlySpan<byte> OfForgottenFrame(FrameChannel channel) => channel.Latest().Data;

    internal static void TestSpanOfForgottenFrameIsNotTorn()
    {
        using var channel = FrameChannel.Create(NewName(), 5000);
        channel.Publish(Enumerable.Repeat((byte)7, 5000).ToArray());
        var span = OfForgottenFrame(channel);
        CollectWhatCanBe();
        for (var i = 0; i < 20; i++)
            channel.Publish(new byte[5000]);
        Check(span.IndexOf((byte)0) < 0, "as it was");
    }

    internal static void TestPinnedMemoryOutlivesItsView()
    {
        var file = MemoryMappedFile.Create(NewName(), 5000);
        var view = file.View();
        var pinned = view.Memory.Slice(10).Pin();
        view.Dispose();
        view.Dispose();
        file.Dispose();
        CollectWhatCanBe();
        Check(MemoryMappedFile.Exists(file.Name), "mapped while it is pinned");
        unsafe
        {
            *(byte*)pinned.Pointer = 9;
        }
        pinned.Dispose();
        pinned.Dispose();
        Check(!MemoryMappedFile.Exists(file.Name), "let go after that");
    }

    internal static void TestPinnedMemoryKeepsItsFrame()
    {
        using var channel = FrameChannel.Create(NewName(), 10, slots: 3);
        channel.Publish(new byte[] { 7 });
        var frame = channel.Latest();
        var pinned = frame.Memory.Pin();
        frame.Dispose();
        Throws<ObjectDisposedException>(() => frame.Data.ToArray());
        for (var i = 0; i < 10; i++)
            channel.Publish(new byte[] { 8 });
        unsafe
        {
            Check(*(byte*)pinned.Pointer == 7, "as it was");
        }
        pinned.Dispose();
        Check(channel.Participants().All(one => one.Pins == 0), "let go");
    }

    internal static void TestReadOnlySectionsGiveReadOnlySpans()
    {
        using var file = MemoryMappedFile.Create(NewName(), 10);
        file.Write(new byte[] { 1, 2 });
        using var reader = MemoryMappedFile.Open(file.Name, readOnly: true);
        using var view = reader.View();
        Check(view.IsReadOnly && view.ReadOnlySpan[1] == 2 && view.ReadOnlyMemory.Span[0] == 1, "reads");
        Throws<NotSupportedException>(() => view.GetSpan().Clear());
        Throws<NotSupportedException>(() => view.Memory.Span.Clear());
        Throws<NotSupportedException>(() => view.AsRef<int>() = 1);
        Throws<NotSupportedException>(() => view.Pin().Dispose());
        using (view.ReadOnlyMemory.Pin())
            Check(view.ReadOnlyMemory.Length == 10, "length");
    }

    internal static void TestLocksAreGivenBackOnce()
    {
        using var file = MemoryMappedFile.Create(NewName(), 10);
        default(ReadLock).Dispose();
        default(WriteLock).Dispose();
        var first = file.WriteLock();
        var copy = first;
        first.Dispose();
        first.Dispose();
        var second = file.WriteLock();
        copy.Dispose(); // of a released lock: does nothing
        using (var other = MemoryMappedFile.Open(file.Name))
            Check(OfAnotherThread(() => !other.TryEnterReadLock()), "the second lock is still held");
        second.Dispose();
        var read = file.ReadLock();
        var again = read;
        read.Dispose();
        using (file.ReadLock())
        {
            again.Dispose();
            using var other = MemoryMappedFile.Open(file.Name);
            Check(OfAnotherThread(() => !other.TryEnterWriteLock()), "the second lock is still held");
        }
        Check(file.Audit() is { IsDamaged: false, Readers: 0, WriterProcessId: null }, "nothing is left");
    }

    internal static void TestLocksAreGivenBackAfterDispose()
    {
        using var other = MemoryMappedFile.Create(NewName(), 10);
        foreach (var write in new[] { false, true })
        {
            var file = MemoryMappedFile.Open(other.Name);
            using var view = file.View();
            if (write)
                file.EnterWriteLock();
            else
                file.EnterReadLock();
            file.Dispose();
            Check(OfAnotherThread(() => !other.TryEnterWriteLock()), "still held");
            if (write)
                file.ExitWriteLock();
            else
                file.ExitReadLock();
            Check(other.TryEnterWriteLock(), "released");
            other.ExitWriteLock();
        }
        var closed = MemoryMappedFile.Open(other.Name);
        using (closed.ReadLock())
            closed.Dispose(); // takes the lock away
        Check(other.TryEnterWriteLock(TimeSpan.FromSeconds(10)), "released");
        other.ExitWriteLock();
    }

    internal static void TestBytesOfALockOutliveDispose()
    {
        var file = MemoryMappedFile.Create(NewName(), 10);
        using (var held = file.WriteLock())
        {
            var bytes = held.Bytes();
            file.Dispose();
            CollectWhatCanBe();
            bytes.Fill(1);
            held.AsRef<int>(4) = 5;
            Check(bytes[4] == 5, "in place");
        }
        Check(!MemoryMappedFile.Exists(file.Name), "let go after that");
    }

    internal static void TestPublishAndDisposeDoNotHarmAThirdWriter()
    {
        using var channel = FrameChannel.Create(NewName(), 100, slots: 5);
        using var third = FrameChannel.Open(channel.Name);
        var stop = false;
        var innocent = Task.Run(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                using var mine = third.Begin(TimeSpan.FromSeconds(30));
                mine.Data.Fill(3);
                mine.Size = 100;
                mine.Publish(); // throws if somebody else cancelled it
            }
        });
        for (var i = 0; i < 3000; i++)
        {
            var frame = channel.Begin(TimeSpan.FromSeconds(30));
            frame.Size = 1;
            var ours = 0;
            void End(bool publish)
            {
                try
                {
                    if (publish && frame.Publish() != 0)
                        Interlocked.Increment(ref ours);
                    frame.Dispose();
                    frame.Dispose();
                }
                catch (ObjectDisposedException)
                {
                }
            }
            var (first, second) = (i % 3 != 0, i % 2 != 0);
            Parallel.Invoke(() => End(first), () => End(second));
            Check(ours <= 1, "published once");
        }
        Volatile.Write(ref stop, true);
        innocent.GetAwaiter().GetResult();
        Check(channel.Audit() is { IsDamaged: false, IsPoisoned: false }, "sound");
        Check(channel.TryBegin(out var last), "nobody holds it");
        last!.Dispose();
    }

    internal static void TestFrameEndedByTwoThreadsIsReleasedOnce()
    {
        using var channel = FrameChannel.Create(NewName(), 10, slots: 3);
        channel.Publish(new byte[] { 1 });
        for (var i = 0; i < 2000; i++)
        {
            var frame = channel.Latest();
            using var another = channel.Latest();
            Parallel.Invoke(frame.Dispose, frame.Dispose);
            Check(another.Data[0] == 1, "the other is still held");
        }
        Check(channel.Participants().All(one => one.Pins == 0), "nothing is held");
    }

    internal static void TestFrameIsNotLargerThanItsBytes()
    {
        using var channel = FrameChannel.Create(NewName(), 100);
        Fails(WmmfStatus.Range, () => channel.Publish(new byte[10], 1920, 1080, 0, FourCC.Bgr24));
        Fails(WmmfStatus.Argument, () => channel.Publish(new byte[10], 5, 0, 0, FourCC.Gray8));
        Fails(WmmfStatus.Range, () => channel.Publish(new byte[10], 5, 3, 0, FourCC.Gray8));
        Check(channel.Publish(new byte[10], 5, 2, 0, FourCC.Gray8) == 1, "what fits");
        using (var frame = channel.Latest())
            Check(frame.Stride == 5, "rows without gaps");
        Check(channel.Publish(new byte[10], 1920, 1080, 0, new FourCC("MINE")) == 2, "nothing is known of an unknown format");
        using (var frame = channel.Latest())
            Check(frame.Stride == 0, "no claim on it");
    }

    internal static void TestSizeFollowsFromWhatDescribesTheFrame()
    {
        using var channel = FrameChannel.Create(NewName(), 1000);
        using (var slot = channel.Begin())
        {
            slot.Data.Fill(9);
            Throws<InvalidOperationException>(() => slot.Publish());
            (slot.Width, slot.Height, slot.FourCC) = (10, 4, FourCC.Bgr24);
            slot.Publish();
        }
        using (var frame = channel.Latest())
            Check((frame.Size, frame.Stride) == (120, 30), "a picture");
        using (var slot = channel.Begin())
        {
            (slot.Width, slot.Height, slot.FourCC) = (10, 4, FourCC.Nv12);
            slot.Publish();
        }
        using (var frame = channel.Latest())
            Check(frame.Size == 60, "with rows for the colours");
        using (var slot = channel.Begin())
        {
            (slot.Width, slot.Height, slot.FourCC) = (10, 4, FourCC.Mjpeg);
            Throws<InvalidOperationException>(() => slot.Publish());
            slot.Size = 7;
            slot.Publish();
        }
        using (var frame = channel.Latest())
            Check(frame.Size == 7, "compressed");
    }

    internal static void TestSystemErrorIsNotAnOlderOne()
    {
        using var section = MemoryMappedFile.Create(NewName(), 10);
        Throws<WmmfException>(() => MemoryMappedFile.Open(NewName()));
        var error = Throws<WmmfException>(() => FrameChannel.Open(section.Name));
        Check(error.Status == WmmfStatus.Format && error.OsError == 0, $"{error.Status}, {error.OsError}");
    }
}
