// Frames: what is published is read.
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

internal static class ChannelsTests
{
    internal static void TestChannelShowsWhatIsPublished()
    {
        using var writer = FrameChannel.Create(NewName(), 600);
        using var reader = FrameChannel.Open(writer.Name);
        Check((reader.Capacity, reader.Slots, reader.IsReadOnly) == (600, 4, false), "properties");
        Fails(WmmfStatus.Timeout, () => reader.Next(TimeSpan.Zero));
        Check(reader.Age == null && reader.Sequence == 0, "no frame yet");
        var picture = new byte[600];
        picture[599] = 7;
        Check(writer.Publish(picture, 10, 20, 30, new FourCC("BGR3"), new byte[] { 1, 2 }, timestampNs: 5) == 1, "sequence");
        using (var frame = reader.Next(TimeSpan.Zero))
        {
            Check(frame.Data.SequenceEqual(picture), "data");
            Check((frame.Sequence, frame.Missed, frame.Size, frame.TimestampNs) == (1ul, 0ul, 600, 5ul), "sequence to timestamp");
            Check((frame.Width, frame.Height, frame.Stride, frame.FourCC.ToString()) == (10, 20, 30, "BGR3"), "geometry");
            Check(frame.User.SequenceEqual(new byte[] { 1, 2 }), "user");
        }
        for (byte i = 2; i < 6; i++)
        {
            using var slot = writer.Begin();
            slot.Data.Fill(i);
            (slot.Size, slot.Width, slot.Height, slot.Stride) = (100, 5, 10, 10);
            slot.FourCC = new FourCC("Y16");
            slot.SetUser(new[] { i });
            Check(slot.Publish() == i, "published");
        }
        using (var frame = reader.Next())
        {
            Check(frame.Missed == 3 && frame.Data.Length == 100 && frame.Data[99] == 5, "missed");
            Check((frame.Width, frame.Height, frame.Stride, frame.FourCC.ToString()) == (5, 10, 10, "Y16 "), "smaller");
            Check(frame.User[0] == 5 && frame.TimestampNs != 0, "user, timestamp");
        }
        Check(reader.Age >= TimeSpan.Zero && reader.Sequence == 5 && !reader.Audit().IsDamaged, "age, sequence, audit");
        writer.Publish(new byte[1]);
        writer.Publish(new byte[1]);
        using (var frame = reader.Latest())
            Check(frame.Missed == 1, "missed, by one that asks for the latest");
    }

    internal static void TestChannelKeepsWhatIsHeld()
    {
        using var writer = FrameChannel.Create(NewName(), 8, slots: 3);
        var reader = FrameChannel.Open(writer.Name);
        var held = new List<Frame>();
        for (byte i = 0; i < 2; i++)
        {
            writer.Publish(new byte[] { i });
            held.Add(reader.Latest());
        }
        writer.Publish(new byte[] { 2 });
        Check(writer.Publish(new byte[] { 3 }) == 0, "skipped");
        Fails(WmmfStatus.Timeout, () => writer.Begin(TimeSpan.Zero));
        Check(held[0].Data[0] == 0 && held[1].Data[0] == 1, "as they were");
        reader.Dispose();
        Check(held[1].Data[0] == 1, "also after the channel is disposed");
        held[0].Dispose();
        held[0].Dispose();
        Throws<ObjectDisposedException>(() => held[0].Data.ToArray());
        Check(held[0].Sequence == 1, "what describes it stays");
        Check(writer.Publish(new byte[] { 3 }) == 4, "there is room again");
        held[1].Dispose();
        Throws<ObjectDisposedException>(() => reader.Latest());
    }

    internal static void TestChannelShowsWhoReadsAndWrites()
    {
        using var writer = FrameChannel.Create(NewName(), 8);
        using var reader = FrameChannel.Open(writer.Name);
        using var looker = FrameChannel.Open(writer.Name, readOnly: true);
        Check(looker.GetState() == ChannelState.Live, "somebody publishes");
        writer.Publish(new byte[1]);
        using (reader.Latest())
        {
            writer.Publish(new byte[1]);
            using (reader.Latest())
            {
                var found = looker.Participants();
                Check(found.Count(one => !one.IsReadOnly) == 2 && found.Count(one => one.IsReadOnly) == 1, "all three");
                Check(found.Single(one => one.Pins != 0) is { Pins: 2, OldestPinned: 1 }, "both frames");
            }
            using (writer.Begin())
                Check(looker.Participants().Single(one => one.IsWriting).Pins == 0, "who writes");
        }
        Check(looker.Participants().All(one => one is { IsWriting: false, Pins: 0, OldestPinned: null }), "nobody");
    }

    private static unsafe void PublishWithWidth(string name, uint width)
    {
        var text = System.Text.Encoding.UTF8.GetBytes(name + "\0");
        IntPtr channel;
        fixed (byte* bytes = text)
            Check(NativeMethods.wmmf_channel_open(bytes, null, &channel) == 0, "opened");
        var frame = new wmmf_frame { struct_size = (uint)sizeof(wmmf_frame), used = 1, width = width, height = 1, fourcc = 0x454E494D };
        byte one = 1;
        Check(NativeMethods.wmmf_channel_write(channel, &one, 0, &frame) == 0, "published");
        _ = NativeMethods.wmmf_channel_close(channel);
    }

    // False: this machine lends no memory for them.
    private static unsafe bool IsCreated(string name, ulong capacity, out IntPtr channel)
    {
        var text = System.Text.Encoding.UTF8.GetBytes(name + "\0");
        fixed (byte* bytes = text)
        fixed (IntPtr* created = &channel)
        {
            var status = (WmmfStatus)NativeMethods.wmmf_channel_create(bytes, capacity, 3, null, created);
            Check(status is WmmfStatus.Ok or WmmfStatus.NoMemory, $"{status}");
            return status == WmmfStatus.Ok;
        }
    }

    // As another language creates it.
    internal static void TestChannelRefusesToBeginFramesThatNoSpanShows()
    {
        var name = NewName();
        if (!IsCreated(name, 1ul << 31, out var created))
        {
            Console.WriteLine("there is no memory for frames of 2 GiB");
            return;
        }
        using (var channel = FrameChannel.Open(name))
        using (var other = FrameChannel.Open(name))
        {
            Throws<NotSupportedException>(() => _ = channel.Capacity);
            foreach (var begin in new Action[] { () => channel.Begin().Dispose(), () => other.TryBegin(out _) })
            {
                var error = Throws<NotSupportedException>(begin);
                Check(error.Message.Contains("2147483648 bytes, expected at most 2147483647"), error.Message);
            }
            Check(channel.Participants().All(one => !one.IsWriting) && channel.Publish(new byte[1]) == 1, "nothing is begun");
        }
        _ = NativeMethods.wmmf_channel_close(created);
    }

    internal static void TestChannelRefusesFramesThatNoIntDescribes()
    {
        using var channel = FrameChannel.Create(NewName(), 8);
        PublishWithWidth(channel.Name, 1u << 31);
        foreach (var take in new Action[] { () => channel.Next(), () => channel.Latest(), () => channel.ReadInto(new byte[8]) })
        {
            var error = Throws<WmmfException>(take);
            Check(error.Status == WmmfStatus.Format && error.Message.Contains("frame 1 has Width 2147483648"), error.Message);
        }
        Check(channel.Participants().All(one => one.Pins == 0), "nothing is held");
        Throws<WmmfException>(() => new FrameInfo(new wmmf_frame { used = 1ul << 31 }));
        PublishWithWidth(channel.Name, 5);
        using var frame = channel.Next(TimeSpan.Zero);
        Check(frame.Sequence == 2 && frame.Width == 5, "the next one is sound");
    }

    internal static void TestHistoryIsReadInOrder()
    {
        using var channel = FrameChannel.Create(NewName(), 8, history: 5);
        var late = channel.CreateReader(FrameOrder.Every, after: 1);
        var reader = channel.CreateReader(FrameOrder.Every);
        Fails(WmmfStatus.Timeout, () => channel.At(1, TimeSpan.Zero), "no frame has been published yet");
        for (byte i = 1; i <= 4; i++)
            channel.Publish(new[] { i });
        for (byte i = 1; i <= 4; i++)
        {
            using var frame = reader.Next(TimeSpan.Zero);
            Check(frame.Sequence == i && frame.Data[0] == i && frame.Missed == 0, $"{frame.Sequence}, expected {i}");
        }
        Check(!reader.TryNext(out _), "no more");
        for (byte i = 5; i <= 30; i++)
            channel.Publish(new[] { i });
        using (var frame = late.Next(TimeSpan.Zero))
            Check(frame.Sequence == channel.OldestSequence && frame.Missed == frame.Sequence - 2, $"{frame.Missed} lost");
        using (var frame = channel.At(28))
            Check(frame.Data[0] == 28 && frame.IsIntact, "one of the history");
        Fails(WmmfStatus.Lost, () => channel.At(1), "frame 1: expected ");
        using (var newest = channel.Latest())
        using (var then = channel.AtTime(newest.TimestampNs))
            Check(then.Sequence == 30, "by time");
        Check(channel.History >= 5, $"{channel.History}");
    }

    internal static void TestReadersFollowNewPictures()
    {
        using var channel = FrameChannel.Create(NewName(), 8);
        using var reader = FrameChannel.Open(channel.Name, readOnly: true);
        channel.Publish(new byte[] { 1 });
        using var held = reader.Latest();
        channel.Resize(1000);
        channel.Publish(new byte[1000]);
        using var frame = reader.Next(TimeSpan.FromSeconds(30));
        Check(frame.Size == 1000 && reader.Capacity == 1000 && held.Data[0] == 1, "larger, and what is held stays");
    }

    internal static void TestFramesThatAreHeldTooLongAreTold()
    {
        using var channel = FrameChannel.Create(NewName(), 8, slots: 3, pinLimit: TimeSpan.FromMilliseconds(1));
        channel.Publish(new byte[] { 1 });
        using var held = channel.Latest();
        Check(held.IsIntact, "so far");
        held.ThrowIfNotIntact();
        Until(
            () =>
            {
                channel.Publish(new byte[] { 2 });
                using var other = channel.Latest(); // the other slot, for longer than the limit as well
                Thread.Sleep(2);
                channel.Publish(new byte[] { 3 });
                channel.Publish(new byte[] { 4 });
                Thread.Sleep(2);
                channel.Publish(new byte[] { 5 });
                return !held.IsIntact;
            },
            "taken back");
        Fails(WmmfStatus.NotIntact, held.ThrowIfNotIntact);
    }

    internal static void TestChannelDropsWhatIsNotPublished()
    {
        using var channel = FrameChannel.CreateOrOpen(NewName(), 8);
        var slot = channel.Begin();
        Fails(WmmfStatus.Deadlock, () => channel.Begin());
        slot.Size = 9;
        Fails(WmmfStatus.Range, () => slot.Publish());
        slot.Dispose();
        Throws<ObjectDisposedException>(() => slot.Publish());
        Throws<ObjectDisposedException>(() => slot.Data.Clear());
        Check(channel.Sequence == 0, "dropped");
        Check(channel.Publish(new byte[8]) == 1, "free for the next");
    }

    internal static void TestChannelRefusesBadArguments()
    {
        using var channel = FrameChannel.Create(NewName(), 8);
        using var section = MemoryMappedFile.Create(NewName(), 8);
        Fails(WmmfStatus.Exists, () => FrameChannel.Create(channel.Name, 8));
        Fails(WmmfStatus.Size, () => FrameChannel.Create(NewName(), 0));
        Fails(WmmfStatus.NotFound, () => FrameChannel.Open(NewName()));
        Fails(WmmfStatus.Format, () => FrameChannel.Open(section.Name));
        Fails(WmmfStatus.Range, () => channel.Publish(new byte[9]));
        Fails(WmmfStatus.Range, () => channel.Publish(new byte[8], 3, 3, 3));
        Fails(WmmfStatus.Argument, () => channel.Publish(new byte[8], 100, 4, 2, FourCC.Bgr24));
        Fails(WmmfStatus.Argument, () => channel.Publish(new byte[8], 3, 2, 2, FourCC.Nv12));
        Throws<ArgumentException>(() => channel.Publish(new byte[1], user: new byte[65]));
        Throws<ArgumentOutOfRangeException>(() => channel.Publish(new byte[1], width: -1));
        Throws<ArgumentOutOfRangeException>(() => channel.Publish(new byte[1], timeout: TimeSpan.FromSeconds(-2)));
        Throws<ArgumentOutOfRangeException>(() => FrameChannel.Create(NewName(), 8, slots: 2));
        Throws<ArgumentOutOfRangeException>(() => FrameChannel.Create(NewName(), -1));
        Throws<ArgumentException>(() => new FourCC("LONGER"));
        Throws<ArgumentException>(() => new FourCC("é"));
        using (var slot = channel.Begin())
            Throws<ArgumentOutOfRangeException>(() => slot.Stride = -1);
        using (var slot = channel.Begin())
        {
            (slot.Size, slot.Width, slot.Height, slot.Stride, slot.FourCC) = (8, 2, 2, 3, new FourCC("Y16"));
            Fails(WmmfStatus.Argument, () => slot.Publish());
        }
        Check(channel.Sequence == 0, "nothing was published");
        Check(channel.Publish(new byte[8], 100, 4, 2, new FourCC("MJPG")) == 1, "what is compressed has no rows");
    }

    internal static void TestChannelForReadersWithoutRights()
    {
        using var writer = FrameChannel.Create(NewName(), 8);
        using var reader = FrameChannel.Open(writer.Name, readOnly: true);
        var copy = new byte[8];
        writer.Publish(new byte[] { 1, 2, 3 });
        var info = reader.ReadInto(copy);
        Check(reader.IsReadOnly && info.Size == 3 && copy[2] == 3, "a copy");
        Fails(WmmfStatus.Timeout, () => reader.ReadInto(copy, TimeSpan.Zero));
        using (var frame = reader.Latest())
            Check(reader.IsInPlace && frame.Data[2] == 3, "in place, in pages that are read-only");
        Fails(WmmfStatus.ReadOnly, () => reader.Begin());
        var next = reader.ReadIntoAsync(copy).AsTask();
        writer.Publish(new byte[] { 4 });
        Check(next.Wait(TimeSpan.FromSeconds(30)) && next.Result.Sequence == 2 && copy[0] == 4, "awaited");
        writer.Publish(new byte[] { 5, 6 });
        var message = Throws<WmmfException>(() => reader.ReadInto(new byte[1])).Message;
        Check(message.Contains("2 bytes") && message.Contains("1 bytes") && message.Contains(writer.Name), message);
        Check(reader.ReadInto(copy).Sequence == 3, "what did not fit can still be had");
    }
}
