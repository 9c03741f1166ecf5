// Calls that could mean several overloads, or another one than they look like.
using System;
using System.Threading;
using Wmmf;
using static Checks;

internal static class OverloadsTests
{
    internal static void TestEachKindOfBytesIsPublished()
    {
        using var channel = FrameChannel.Create(NewName(), 8);
        var bytes = new byte[] { 1, 2, 3, 4 };
        Memory<byte> memory = bytes;
        Published(channel, 4, channel.Publish(bytes));
        Published(channel, 2, channel.Publish(new ArraySegment<byte>(bytes, 1, 2)));
        Published(channel, 4, channel.Publish(memory.Span));
        Published(channel, 3, channel.Publish(bytes.AsSpan(1)));
        Published(channel, 3, channel.Publish("abc"u8));
        Published(channel, 4, channel.Publish([1, 2, 3, 4]));
        Published(channel, 0, channel.Publish(ReadOnlySpan<byte>.Empty));
        Throws<ArgumentNullException>(() => channel.Publish(null!));
        Throws<ArgumentNullException>(() => channel.Publish(default!));
        Fails(WmmfStatus.Argument, () => channel.Publish(bytes, 0, 2), "either a picture or an array"); // no offset and count
    }

    private static void Published(FrameChannel channel, int size, ulong sequence)
    {
        using var frame = channel.Latest();
        Check((frame.Sequence, frame.Size) == (sequence, size), $"{frame}, expected {size} bytes");
    }

    internal static void TestBytesAndValuesAreWritten()
    {
        using var file = MemoryMappedFile.Create(NewName(), 64);
        var bytes = new byte[] { 1, 2, 3, 4 };
        file.Write(bytes);
        file.Write(new ArraySegment<byte>(bytes, 1, 2), 8);
        file.Write("abc"u8, 16);
        file.Write((byte)9, 24);
        file.Write(9, 32);
        file.Write(default(long), 40);
        Check(file.Read<ushort>(8) == 0x0302 && file.Read<byte>(18) == (byte)'c' && file.Read<int>(24) == 9 && file.Read<int>(32) == 9, "each");
    }

    internal static void TestDefaultIsNoTokenOrTheFirstOverload()
    {
        using var channel = FrameChannel.Create(NewName(), 8);
        Check(channel.ReadAllAsync(default) != null && channel.CreateReader(FrameOrder.Every).ReadAllAsync(default) != null, "frames");
        channel.Publish(new byte[1]);
        channel.Latest(default, CancellationToken.None).Dispose();
    }
}
