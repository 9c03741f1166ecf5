// The C# agent of the language matrix; ../cross/README.md has the protocol.
using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using Microsoft.Win32.SafeHandles;
using Wmmf;

internal static class Agent
{
    private static MemoryMappedFile? s_file;
    private static FrameChannel? s_channel;
    private static NewFrame? s_begun;
    private static Frame? s_taken;
    private static byte[] s_copied = []; // the picture that was taken, of a read-only channel

    // The guards are ref structs, which cannot be kept between requests, so the agent keeps what they were made from.
    private static void Main()
    {
        while (Console.ReadLine() is { } line)
        {
            Console.Out.Write(Answer(line.TrimEnd('\r').Split(' ')) + "\n");
            Console.Out.Flush();
            if (line.TrimEnd('\r') == "quit")
                break;
        }
        Close();
    }

    private static void Close()
    {
        s_begun?.Dispose();
        s_taken?.Dispose();
        s_channel?.Dispose();
        s_file?.Dispose();
        (s_file, s_channel, s_begun, s_taken) = (null, null, null, null);
    }

    private static string Answer(string[] fields)
    {
        try
        {
            return Do(fields[0], fields.Skip(1).ToArray());
        }
        catch (Exception error) when (error is IWmmfError told)
        {
            return $"error {(int)told.Status}";
        }
        catch (Exception error) when (error is ArgumentException or FormatException or IndexOutOfRangeException)
        {
            return $"error {(int)WmmfStatus.Argument}";
        }
    }

    private static string Do(string request, string[] a)
    {
        switch (request)
        {
            case "version":
                return $"ok {NativeMethods.WMMF_ABI_VERSION} {Version()}";
            case "quit":
                return "ok";
            case "create" when !IsOpen:
                s_file = MemoryMappedFile.Create(
                    Name(a[0]), Number(a[1]), (SectionNamespace)Number(a[2]), (SectionLayout)Number(a[3]), (SectionAccess)Number(a[4]));
                return "ok";
            case "create_growing" when !IsOpen:
                s_file = MemoryMappedFile.Create(Name(a[0]), Number(a[1]), reserve: Number(a[2]));
                return "ok";
            case "create_with_locks" when !IsOpen:
                s_file = MemoryMappedFile.Create(Name(a[0]), Number(a[1]), locks: (int)Number(a[2]));
                return "ok";
            case "process":
                return $"ok {Environment.ProcessId}";
            case "create_unnamed" when !IsOpen:
                s_file = MemoryMappedFile.CreateUnnamed(Number(a[0]));
                return "ok";
            case "open_handle" when !IsOpen:
                using (var handle = HandleFrom(a[0], a[1]))
                    s_file = MemoryMappedFile.OpenHandle(handle.DangerousGetHandle());
                return $"ok {s_file.Size}";
            case "open" when !IsOpen:
                s_file = MemoryMappedFile.Open(Name(a[0]), (SectionNamespace)Number(a[2]), (SectionLayout)Number(a[3]), Number(a[1]), a[4] == "1");
                return $"ok {s_file.Size}";
            case "channel_create" when !IsOpen:
                s_channel = FrameChannel.Create(
                    Name(a[0]), (int)Number(a[1]), (int)Number(a[2]), (SectionNamespace)Number(a[3]), (SectionAccess)Number(a[4]));
                return "ok";
            case "channel_open" when !IsOpen:
                s_channel = FrameChannel.Open(Name(a[0]), (SectionNamespace)Number(a[1]), a[2] == "1");
                return $"ok {s_channel.Capacity} {s_channel.Slots}";
            case "close" when IsOpen:
                Close();
                return "ok";
        }
        if (s_channel != null)
            return DoWithChannel(s_channel, request, a);
        var file = s_file ?? throw new ArgumentException("nothing is open");
        return request.EndsWith("_at", StringComparison.Ordinal)
            ? DoWithLock(file.LockAt(Number(a[0])), request, a)
            : DoWithFile(file, request, a);
    }

    // On Windows it is valid here already.
    private static SafeFileHandle HandleFrom(string process, string handle) => OperatingSystem.IsWindows()
        ? new SafeFileHandle(new IntPtr(Number(handle)), ownsHandle: true)
        : File.OpenHandle($"/proc/{process}/fd/{handle}", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);

    private static bool IsOpen => s_file != null || s_channel != null;

    private static string DoWithFile(MemoryMappedFile file, string request, string[] a)
    {
        switch (request)
        {
            case "lock_read":
                file.ReadLock(Time(a[0]));
                return "ok";
            case "unlock_read":
                return Unlocked(file.Unlock(NativeLock.Own, isWrite: false));
            case "lock_write":
                return file.WriteLock(Time(a[0]), repair: true).OwnerDied ? $"error {(int)WmmfStatus.OwnerDied}" : "ok";
            case "unlock_write":
                return Unlocked(file.Unlock(NativeLock.Own, isWrite: true));
            case "mark_consistent":
                file.MarkConsistent();
                return "ok";
            case "fill":
                file.Write(Pattern(Number(a[1]), Number(a[2])), Number(a[0]));
                return "ok";
            case "check":
                return Check(file, Number(a[0]), Pattern(Number(a[1]), Number(a[2])));
            case "poke":
                var bytes = Convert.FromHexString(a[1]);
                using (var view = file.View(Number(a[0]), bytes.Length))
                    bytes.CopyTo(view.GetSpan());
                return "ok";
            case "peek":
                using (var view = file.View(Number(a[0]), (int)Number(a[1])))
                    return "ok " + Convert.ToHexString(view.GetSpan()).ToLowerInvariant();
            case "resize":
                file.Resize(Number(a[0]));
                return "ok";
            case "share":
                return $"ok {file.Share((int)Number(a[0]))}";
            case "size":
                return $"ok {file.Size}";
            case "sequence":
                return $"ok {file.Sequence}";
            case "wait":
                return $"ok {file.Wait((ulong)Number(a[0]), Time(a[1]))}";
            case "notify":
                file.Notify();
                return "ok";
            case "audit":
                var report = file.Audit();
                return $"ok {(report.IsDamaged ? 1 : 0)} {(report.IsPoisoned ? 1 : 0)}";
            default:
                throw new ArgumentException(request);
        }
    }

    private static string DoWithLock(PayloadLock at, string request, string[] a)
    {
        switch (request)
        {
            case "lock_read_at":
                at.ReadLock(Time(a[1]));
                return "ok";
            case "unlock_read_at":
                at.ExitReadLock();
                return "ok";
            case "lock_write_at":
                return at.WriteLock(Time(a[1]), repair: true).OwnerDied ? $"error {(int)WmmfStatus.OwnerDied}" : "ok";
            case "unlock_write_at":
                at.ExitWriteLock();
                return "ok";
            case "mark_consistent_at":
                at.MarkConsistent();
                return "ok";
            case "poison_at":
                at.Poison();
                return "ok";
            case "notify_at":
                at.Notify();
                return "ok";
            case "wait_at":
                return $"ok {at.Wait((ulong)Number(a[1]), Time(a[2]))}";
            default:
                throw new ArgumentException(request);
        }
    }

    private static string Unlocked(WmmfStatus status) => status == WmmfStatus.Ok ? "ok" : $"error {(int)status}";

    private static string DoWithChannel(FrameChannel channel, string request, string[] a)
    {
        switch (request)
        {
            case "channel_resize":
                channel.Resize((int)Number(a[0]));
                return "ok";
            case "begin":
                s_begun = channel.Begin(Time(a[0]) ?? Timeout.InfiniteTimeSpan);
                return "ok";
            case "publish":
                return $"ok {Publish(s_begun ?? throw NotOwner(), a)}";
            case "drop":
                (s_begun ?? throw NotOwner()).Dispose();
                s_begun = null;
                return "ok";
            case "copy":
                var sequence = channel.Publish(
                    Pattern(Number(a[0]), Number(a[1])), (int)Number(a[2]), (int)Number(a[3]), (int)Number(a[4]),
                    new FourCC(a[5]), Convert.FromHexString(a[7]), (ulong)Number(a[6]));
                return sequence != 0 ? $"ok {sequence}" : $"error {(int)WmmfStatus.Timeout}";
            case "next":
                return Describe(Take(channel, Time(a[0])));
            case "picture":
                var expected = Pattern(Number(a[0]), Number(a[1]));
                return Compare(channel.IsReadOnly ? s_copied : (s_taken ?? throw NotOwner()).Data, expected);
            case "release":
                s_taken?.Dispose();
                return "ok";
            default:
                throw new ArgumentException(request);
        }
    }

    private static ulong Publish(NewFrame frame, string[] a)
    {
        Pattern(Number(a[0]), Number(a[1])).CopyTo(frame.Data);
        (frame.Size, frame.Width, frame.Height) = ((int)Number(a[0]), (int)Number(a[2]), (int)Number(a[3]));
        (frame.Stride, frame.FourCC, frame.TimestampNs) = ((int)Number(a[4]), new FourCC(a[5]), (ulong)Number(a[6]));
        frame.SetUser(Convert.FromHexString(a[7]));
        var sequence = frame.Publish();
        s_begun = null;
        return sequence;
    }

    // A copy of a read-only channel, because that gives no other.
    private static FrameInfo Take(FrameChannel channel, TimeSpan? timeout)
    {
        s_taken?.Dispose();
        s_taken = null;
        if (!channel.IsReadOnly)
            return s_taken = channel.Next(timeout);
        var buffer = new byte[channel.Capacity];
        var info = channel.ReadInto(buffer, timeout);
        s_copied = buffer[..info.Size];
        return info;
    }

    private static string Describe(FrameInfo frame) =>
        $"ok {frame.Sequence} {frame.Missed} {frame.TimestampNs} {frame.Width} {frame.Height} {frame.Stride} "
        + $"{frame.FourCC} {Convert.ToHexString(frame.User).ToLowerInvariant()}";

    private static WmmfException NotOwner() => new(WmmfStatus.NotOwner, 0, "no frame is begun, or taken");

    private static string Check(MemoryMappedFile file, long offset, byte[] expected)
    {
        var found = new byte[expected.Length];
        file.Read(found, offset);
        return Compare(found, expected);
    }

    private static string Compare(ReadOnlySpan<byte> found, ReadOnlySpan<byte> expected)
    {
        var same = found.CommonPrefixLength(expected);
        return same == found.Length && same == expected.Length ? "ok" : $"mismatch {same}";
    }

    private static byte[] Pattern(long length, long seed)
    {
        var bytes = new byte[length];
        for (long i = 0; i < length; i++)
            bytes[i] = (byte)(seed + i * 7 + (i >> 8));
        return bytes;
    }

    private static unsafe string Version() =>
        System.Runtime.InteropServices.Marshal.PtrToStringUTF8((IntPtr)NativeMethods.wmmf_version()) ?? "";

    private static string Name(string hex) => Encoding.UTF8.GetString(Convert.FromHexString(hex));

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);

    private static TimeSpan? Time(string nanoseconds) =>
        Number(nanoseconds) < 0 ? null : TimeSpan.FromTicks((Number(nanoseconds) + 99) / 100);
}
