// The C# layer against its documentation. Without arguments runs the tests; "layout" prints sizes and offsets as JSON;
// "no-library" runs where there is no native library.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using Wmmf;
using DotNet = System.IO.MemoryMappedFiles.MemoryMappedFile;

internal static class SelfTest
{
    private static int s_names;

    private static string NewName() => $"wmmf-cs-{Environment.ProcessId}-{s_names++}";

    private static int Main(string[] arguments)
    {
        if (arguments.Length == 1 && arguments[0] == "layout")
        {
            Console.WriteLine(LayoutAsJson());
            return 0;
        }
        if (arguments.Length == 1 && arguments[0] == "no-library")
        {
            Throws<DllNotFoundException>(() => MemoryMappedFile.Open("any"));
            Throws<DllNotFoundException>(() => MemoryMappedFile.Create("any", 1));
            return 0;
        }
        var passed = 0;
        var failed = 0;
        foreach (var test in typeof(SelfTest).GetMethods(BindingFlags.NonPublic | BindingFlags.Static)
                     .Where(method => method.Name.StartsWith("Test", StringComparison.Ordinal))
                     .Where(method => OperatingSystem.IsWindows() || !method.Name.StartsWith("TestOnWindows", StringComparison.Ordinal)))
        {
            try
            {
                test.Invoke(null, null);
                passed++;
            }
            catch (TargetInvocationException error)
            {
                failed++;
                Console.WriteLine($"{test.Name}: {error.InnerException}");
            }
        }
        Console.WriteLine($"{passed} passed, {failed} failed");
        return failed == 0 ? 0 : 1;
    }

    private static string LayoutAsJson()
    {
        var structs = typeof(MemoryMappedFile).Assembly.GetTypes()
            .Where(type => type.IsValueType && type.Name.StartsWith("wmmf_", StringComparison.Ordinal));
        return "{" + string.Join(", ", structs.Select(type =>
        {
            var fields = type.GetFields().Select(field => $"\"{field.Name}\": {Marshal.OffsetOf(type, field.Name)}");
            return $"\"{type.Name}\": {{\"sizeof\": {Marshal.SizeOf(type)}, {string.Join(", ", fields)}}}";
        })) + "}";
    }

    private static void Check(bool condition, string what)
    {
        if (!condition)
            throw new InvalidOperationException(what);
    }

    private static void Fails(WmmfStatus status, Action action)
    {
        try
        {
            action();
        }
        catch (WmmfException error)
        {
            Check(error.Status == status, $"{error.Status}, expected {status}: {error.Message}");
            return;
        }
        Check(false, $"no error, expected {status}");
    }

    private static T Throws<T>(Action action) where T : Exception
    {
        try
        {
            action();
        }
        catch (T error)
        {
            return error;
        }
        throw new InvalidOperationException($"no {typeof(T).Name}");
    }

    private static void Refuses(string parameter, string value, string expected, Action action)
    {
        var error = Throws<ArgumentException>(action);
        Check(error.ParamName == parameter, $"{error.ParamName}, expected {parameter}");
        Check(error.Message.Contains(value) && error.Message.Contains(expected), $"{value}, {expected}: {error.Message}");
    }

    private static void Until(Func<bool> condition, string what)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            Check(clock.Elapsed < TimeSpan.FromSeconds(30), $"not within 30 s: {what}");
            Thread.Sleep(1);
        }
    }

    private static bool SomebodyWaits(MemoryMappedFile file) =>
        file.Participants().Any(one => one.HasWaitingWriter || one.WaitingReaders != 0);

    private static void TestWhatIsWrittenIsRead()
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

    private static void TestErrorsHaveTheStatusAndNameTheValue()
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
        Fails(WmmfStatus.NotOwner, () => file.UnlockRead());
        Fails(WmmfStatus.NotOwner, () => file.UnlockWrite());
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

    private static void TestArgumentsThatAreRefusedAreNamed()
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
        Check(message.Contains("7 bytes") && message.Contains("slot of 1 bytes"), message);
    }

    private static void TestNamesInAnyScript()
    {
        using var file = MemoryMappedFile.Create(NewName() + "-камера-カメラ-📷", 10);
        using var again = MemoryMappedFile.Open(file.Name);
        Check(again.Size == 10, "size");
    }

    private static void TestLocksExclude()
    {
        var name = NewName();
        using var one = MemoryMappedFile.Create(name, 10);
        using var two = MemoryMappedFile.Open(name);
        using (one.ReadLock())
        {
            using (two.ReadLock(TimeSpan.Zero))
                Fails(WmmfStatus.Deadlock, () => one.ReadLock());
            Fails(WmmfStatus.Timeout, () => two.WriteLock(TimeSpan.FromMilliseconds(5)));
        }
        using (var held = one.WriteLock())
        {
            Check(!held.OwnerDied, "nobody died");
            one.Write(new byte[10]);
            Fails(WmmfStatus.Timeout, () => two.ReadLock(TimeSpan.Zero));
            Fails(WmmfStatus.Timeout, () => two.Read(new byte[1], 0, TimeSpan.Zero));
        }
        two.WriteLock(TimeSpan.Zero).Dispose();
    }

    private static void TestClosingWhileLockedIsADeath()
    {
        var name = NewName();
        using var survivor = MemoryMappedFile.Create(name, 10);
        var dead = MemoryMappedFile.Open(name);
        dead.WriteLock();
        dead.Dispose();
        Fails(WmmfStatus.OwnerDied, () => survivor.Write(new byte[1]));
        using (var held = survivor.WriteLock())
        {
            Check(held.OwnerDied, "owner died");
            survivor.MarkConsistent();
        }
        survivor.Write(new byte[1]);
        dead = MemoryMappedFile.Open(name);
        dead.WriteLock();
        dead.Dispose();
        survivor.WriteLock().Dispose();
        Fails(WmmfStatus.Poisoned, () => survivor.Read(new byte[1]));
        Check(survivor.Audit().IsPoisoned, "audit");
    }

    // Everything that waits for the lock of a section.
    private static readonly Dictionary<string, Action<MemoryMappedFile, CancellationToken>> s_waits = new()
    {
        ["ReadLock"] = (file, cancellation) => file.ReadLock(null, cancellation).Dispose(),
        ["WriteLock"] = (file, cancellation) => file.WriteLock(null, cancellation).Dispose(),
        ["Read"] = (file, cancellation) => file.Read(new byte[1], 0, null, cancellation),
        ["Write"] = (file, cancellation) => file.Write(new byte[1], 0, null, cancellation),
    };

    private static void TestDisposeEndsWaitsForTheLock()
    {
        using var holder = MemoryMappedFile.Create(NewName(), 10);
        foreach (var (name, wait) in s_waits)
        {
            var file = MemoryMappedFile.Open(holder.Name);
            using var view = file.View(); // keeps the native handle open: nothing must be left behind in it
            using (holder.WriteLock())
            {
                var waiting = Task.Run(() => wait(file, default));
                Until(() => SomebodyWaits(holder), name);
                file.Dispose();
                Until(() => waiting.IsCompleted, $"{name} ends while the lock is held");
                Throws<ObjectDisposedException>(() => waiting.GetAwaiter().GetResult());
                Check(!SomebodyWaits(holder), $"{name} left the queue");
            }
            holder.Write(new byte[1], 0, TimeSpan.FromSeconds(30));
        }
    }

    private static void TestDisposedObjectsTakeNoLock()
    {
        using var holder = MemoryMappedFile.Create(NewName(), 10);
        foreach (var take in new Action<MemoryMappedFile>[] { file => file.ReadLock(), file => file.WriteLock() })
        {
            var file = MemoryMappedFile.Open(holder.Name);
            using var view = file.View(); // so that nobody but the waiting thread can give the lock back
            Task waiting;
            using (holder.WriteLock())
            {
                waiting = Task.Run(() => take(file));
                Until(() => SomebodyWaits(holder), "waits");
                file.Dispose();
            }
            Throws<ObjectDisposedException>(() => waiting.GetAwaiter().GetResult());
            using var held = holder.WriteLock(TimeSpan.FromSeconds(30));
            Check(!held.OwnerDied, "given back");
        }
    }

    private static void TestRepairIsLeftToOthersByADisposedObject()
    {
        using var holder = MemoryMappedFile.Create(NewName(), 10);
        var file = MemoryMappedFile.Open(holder.Name);
        var dies = MemoryMappedFile.Open(holder.Name);
        dies.WriteLock();
        var waiting = Task.Run(() => { file.WriteLock(); });
        Until(() => SomebodyWaits(holder), "waits");
        file.Dispose();
        dies.Dispose();
        Throws<ObjectDisposedException>(() => waiting.GetAwaiter().GetResult());
        using var held = holder.WriteLock(TimeSpan.FromSeconds(30));
        Check(held.OwnerDied && !holder.Audit().IsPoisoned, "it can still be repaired");
        holder.MarkConsistent();
    }

    private static void TestWaitsForTheLockAreCancelled()
    {
        using var holder = MemoryMappedFile.Create(NewName(), 10);
        using var file = MemoryMappedFile.Open(holder.Name);
        foreach (var (name, wait) in s_waits)
        {
            using var cancel = new CancellationTokenSource();
            using (holder.WriteLock())
            {
                var waiting = Task.Run(() => wait(file, cancel.Token));
                Until(() => SomebodyWaits(holder), name);
                cancel.Cancel();
                Until(() => waiting.IsCompleted, $"{name} ends while the lock is held");
                Throws<OperationCanceledException>(() => waiting.GetAwaiter().GetResult());
                Check(!SomebodyWaits(holder), $"{name} left the queue");
            }
            Throws<OperationCanceledException>(() => wait(file, cancel.Token));
            wait(file, default);
        }
    }

    private static void TestWaitingWritersKeepTheirPlace()
    {
        const int NextTicket = 72; // in the header; docs/format.md
        using var holder = MemoryMappedFile.Create(NewName(), 10);
        using var file = MemoryMappedFile.Open(holder.Name);
        using var raw = MemoryMappedFile.Open(holder.Name, layout: SectionLayout.Raw);
        using var header = raw.View(0, 512);
        foreach (var name in new[] { "WriteLock", "Write" })
        {
            Task waiting;
            using (holder.WriteLock())
            {
                waiting = Task.Run(() => s_waits[name](file, default));
                Until(() => SomebodyWaits(holder), name);
                var drawn = BitConverter.ToUInt64(header.GetSpan()[NextTicket..]);
                for (var clock = Stopwatch.StartNew(); clock.ElapsedMilliseconds < 200;) // some slices
                    Check(SomebodyWaits(holder), $"{name} left the queue");
                Check(BitConverter.ToUInt64(header.GetSpan()[NextTicket..]) == drawn, $"{name} began again at the end");
            }
            waiting.GetAwaiter().GetResult();
        }
    }

    private static void TestTimeoutsAreWhole()
    {
        using var holder = MemoryMappedFile.Create(NewName(), 10);
        using var file = MemoryMappedFile.Open(holder.Name);
        using var held = holder.WriteLock();
        var timeout = TimeSpan.FromMilliseconds(170); // more than three slices
        var clock = Stopwatch.StartNew();
        Fails(WmmfStatus.Timeout, () => file.WriteLock(timeout));
        Fails(WmmfStatus.Timeout, () => file.Read(new byte[1], 0, timeout));
        Check(clock.Elapsed >= 2 * timeout, $"{clock.Elapsed}");
        Check(!SomebodyWaits(holder), "left the queue");
    }

    private static void TestWhatNeedNotWaitAllocatesNothing()
    {
        using var file = MemoryMappedFile.Create(NewName(), 10);
        using var channel = FrameChannel.Create(NewName(), 10);
        var bytes = new byte[10];
        var timeout = TimeSpan.FromSeconds(1);
        void Use()
        {
            file.ReadLock(timeout).Dispose();
            file.WriteLock().Dispose();
            file.Write(bytes, 0, timeout);
            file.Read(bytes);
            file.Wait(0);
            channel.Publish(bytes, timeout: timeout);
        }
        Use();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
            Use();
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Check(allocated == 0, $"{allocated} bytes");
    }

    private static void TestUnlockingDoesNotHideWhatWasThrown()
    {
        foreach (var name in new[] { "ReadLock", "WriteLock" })
        {
            using var file = MemoryMappedFile.Create(NewName(), 10);
            Throws<TimeZoneNotFoundException>(() =>
            {
                if (name == "ReadLock")
                    using (file.ReadLock())
                        PoisonAndThrow(file);
                using (file.WriteLock())
                    PoisonAndThrow(file);
            });
            Check(file.Audit() is { IsPoisoned: true, Readers: 0, WriterProcessId: null }, $"{name} is given back");
            Fails(WmmfStatus.Poisoned, () => file.Read(new byte[1]));
        }
    }

    private static void PoisonAndThrow(MemoryMappedFile file)
    {
        const int LockWord = 64, Poisoned = 1 << 18; // docs/format.md
        using var raw = MemoryMappedFile.Open(file.Name, layout: SectionLayout.Raw);
        using var header = raw.View(0, 512);
        Interlocked.Or(ref MemoryMarshal.AsRef<long>(header.GetSpan()[LockWord..]), Poisoned);
        Check(file.Audit().IsPoisoned, "can be seen inside the block");
        throw new TimeZoneNotFoundException();
    }

    private static void TestViewsKeepTheSection()
    {
        var name = NewName();
        var file = MemoryMappedFile.Create(name, 10);
        var view = file.View(2, 4);
        file.Dispose();
        view.GetSpan().Fill(7);
        Check(view.Memory.Length == 4 && view.Memory.Span[3] == 7, "still mapped");
        Throws<ObjectDisposedException>(() => file.Read(new byte[1]));
        Throws<ObjectDisposedException>(() => file.View());
        MemoryMappedFile.Open(name).Dispose();
        ((IDisposable)view).Dispose();
        Throws<ObjectDisposedException>(() => view.GetSpan());
        Fails(WmmfStatus.NotFound, () => MemoryMappedFile.Open(name));
    }

    private static void TestPinnedMemoryKeepsTheView()
    {
        var name = NewName();
        using var handle = PinnedViewOfADisposedFile(name);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        MemoryMappedFile.Open(name).Dispose();
    }

    [MethodImpl(MethodImplOptions.NoInlining)] // so that the handle alone refers to the view afterwards
    private static System.Buffers.MemoryHandle PinnedViewOfADisposedFile(string name)
    {
        using var file = MemoryMappedFile.Create(name, 10);
        return file.View().Memory.Pin();
    }

    private static void TestReadOnlyCannotWrite()
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

    private static void TestWaiting()
    {
        using var file = MemoryMappedFile.Create(NewName(), 10);
        Fails(WmmfStatus.Timeout, () => file.Wait(0, TimeSpan.FromMilliseconds(120)));
        var waiting = file.WaitAsync(0);
        file.Write(new byte[1]);
        Check(waiting.Wait(TimeSpan.FromSeconds(30)) && waiting.Result == 1, "woken");
        using var cancellation = new CancellationTokenSource();
        var cancelled = file.WaitAsync(1, null, cancellation.Token);
        cancellation.Cancel();
        Throws<OperationCanceledException>(() => cancelled.GetAwaiter().GetResult());
        Check(file.Wait(0, TimeSpan.Zero) == 1, "at once");
    }

    private static void TestLookingAtWhatIsThere()
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

    private static void TestOtherLayouts()
    {
        using (var file = MemoryMappedFile.Create(NewName(), 10, layout: SectionLayout.Winmmf))
        {
            using var other = MemoryMappedFile.Open(file.Name, layout: SectionLayout.Winmmf, size: 10);
            using (file.WriteLock())
                Fails(WmmfStatus.Timeout, () => other.ReadLock(TimeSpan.Zero));
            Fails(WmmfStatus.NotSupported, () => file.Wait(0));
        }
        using var raw = MemoryMappedFile.Create(NewName(), 10, layout: SectionLayout.Raw);
        Fails(WmmfStatus.NotSupported, () => raw.ReadLock());
        raw.Write(new byte[] { 1 });
        Fails(WmmfStatus.Format, () => MemoryMappedFile.Open(raw.Name));
    }

    private static void TestChannelShowsWhatIsPublished()
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
            Check(frame.User.Single() == 5 && frame.TimestampNs != 0, "user, timestamp");
        }
        Check(reader.Age >= TimeSpan.Zero && reader.Sequence == 5 && !reader.Audit().IsDamaged, "age, sequence, audit");
        writer.Publish(new byte[1]);
        writer.Publish(new byte[1]);
        using (var frame = reader.Latest())
            Check(frame.Missed == 1, "missed, by one that asks for the latest");
    }

    private static void TestChannelKeepsWhatIsHeld()
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
        Fails(WmmfStatus.Timeout, () => writer.Begin());
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

    private static void TestChannelShowsWhoReadsAndWrites()
    {
        using var writer = FrameChannel.Create(NewName(), 8);
        using var reader = FrameChannel.Open(writer.Name);
        using var looker = MemoryMappedFile.Open(writer.Name, readOnly: true);
        writer.Publish(new byte[1]);
        using (reader.Latest())
        {
            writer.Publish(new byte[1]);
            using (reader.Latest())
            {
                var found = looker.Participants();
                Check(found is [{ PinnedSlots: 0, OldestPinned: null }, { PinnedSlots: 0b11, OldestPinned: 1 }], "both frames");
            }
            using (writer.Begin())
                Check(looker.Participants() is [{ IsWriting: true }, { IsWriting: false, PinnedSlots: 0b1 }], "who writes");
        }
        Check(looker.Participants().All(one => one is { IsWriting: false, PinnedSlots: 0, OldestPinned: null }), "nobody");
    }

    private static void TestChannelRefusesFramesThatNoIntDescribes()
    {
        const int FirstSlot = 4096, WidthInSlot = 24; // docs/format.md
        using var writer = FrameChannel.Create(NewName(), 8);
        using var reader = FrameChannel.Open(writer.Name);
        using var copier = FrameChannel.Open(writer.Name, readOnly: true);
        using var raw = MemoryMappedFile.Open(writer.Name, layout: SectionLayout.Raw);
        using var looker = MemoryMappedFile.Open(writer.Name, readOnly: true);
        writer.Publish(new byte[1]);
        using var described = raw.View(FirstSlot + WidthInSlot, 3 * sizeof(uint));
        foreach (var (property, index) in new[] { ("Width", 0), ("Height", 1), ("Stride", 2) })
        {
            MemoryMarshal.Cast<byte, uint>(described.GetSpan())[index] = 1u << 31;
            foreach (var take in new Action[] { () => reader.Next(), () => reader.Latest(), () => copier.ReadInto(new byte[8]) })
            {
                Fails(WmmfStatus.Format, take);
                var message = Throws<WmmfException>(take).Message;
                Check(message.Contains($"frame 1 has {property} 2147483648, expected"), message);
            }
            described.GetSpan().Clear();
        }
        Check(looker.Participants().All(one => one.PinnedSlots == 0), "nothing is held");
        Check(copier.ReadInto(new byte[8], TimeSpan.Zero).Sequence == 1, "a copy of it, once it is sound");
        using var frame = reader.Next(TimeSpan.Zero);
        Check(frame.Sequence == 1, "it was not given before");
    }

    private static void TestChannelLetsGoOfForgottenFrames()
    {
        using var channel = FrameChannel.Create(NewName(), 8, slots: 3);
        ForgetTwoFrames(channel);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Check(channel.Publish(new byte[1]) == 4, "none is held");
    }

    [MethodImpl(MethodImplOptions.NoInlining)] // so that nothing refers to the frames afterwards
    private static void ForgetTwoFrames(FrameChannel channel)
    {
        var held = new List<Frame>();
        for (var i = 0; i < 2; i++)
        {
            channel.Publish(new byte[1]);
            held.Add(channel.Latest());
        }
        channel.Publish(new byte[1]);
        Check(channel.Publish(new byte[1]) == 0, "both are held");
        GC.KeepAlive(held);
    }

    private static void TestChannelDropsWhatIsNotPublished()
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

    private static void TestChannelRefusesBadArguments()
    {
        using var channel = FrameChannel.Create(NewName(), 8);
        using var section = MemoryMappedFile.Create(NewName(), 8);
        Fails(WmmfStatus.Exists, () => FrameChannel.Create(channel.Name, 8));
        Fails(WmmfStatus.Size, () => FrameChannel.CreateOrOpen(channel.Name, 9));
        Fails(WmmfStatus.Size, () => FrameChannel.Create(NewName(), 0));
        Fails(WmmfStatus.NotFound, () => FrameChannel.Open(NewName()));
        Fails(WmmfStatus.Format, () => FrameChannel.Open(section.Name));
        Fails(WmmfStatus.Range, () => channel.Publish(new byte[9]));
        Fails(WmmfStatus.Range, () => channel.Publish(new byte[8], 3, 3, 3));
        Refuses("stride", "stride 2, width 100, format 'BGR3'", "at least 300",
            () => channel.Publish(new byte[8], 100, 4, 2, new FourCC("BGR3")));
        Refuses("stride", "stride 2, width 3, format 'NV12'", "at least 3",
            () => channel.Publish(new byte[8], 3, 2, 2, new FourCC("NV12")));
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
            Refuses("Stride", "stride 3, width 2, format 'Y16 '", "at least 4", () => slot.Publish());
        }
        Check(channel.Sequence == 0, "nothing was published");
        Check(channel.Publish(new byte[8], 100, 4, 2, new FourCC("MJPG")) == 1, "what is compressed has no rows");
    }

    private static void TestChannelForReadersWithoutRights()
    {
        using var writer = FrameChannel.Create(NewName(), 8);
        using var reader = FrameChannel.Open(writer.Name, readOnly: true);
        var copy = new byte[8];
        writer.Publish(new byte[] { 1, 2, 3 });
        var info = reader.ReadInto(copy);
        Check(reader.IsReadOnly && info.Size == 3 && copy[2] == 3, "a copy");
        Fails(WmmfStatus.Timeout, () => reader.ReadInto(copy, TimeSpan.Zero));
        Fails(WmmfStatus.ReadOnly, () => reader.Latest());
        Fails(WmmfStatus.ReadOnly, () => reader.Begin());
        var next = reader.ReadIntoAsync(copy);
        writer.Publish(new byte[] { 4 });
        Check(next.Wait(TimeSpan.FromSeconds(30)) && next.Result.Sequence == 2 && copy[0] == 4, "awaited");
        writer.Publish(new byte[] { 5, 6 });
        var message = Throws<WmmfException>(() => reader.ReadInto(new byte[1])).Message;
        Check(message.Contains("2 bytes") && message.Contains("1 bytes") && message.Contains(writer.Name), message);
        Check(reader.ReadInto(copy).Sequence == 3, "what did not fit can still be had");
    }

    private static void TestChannelWaitsAndIsCancelled()
    {
        using var channel = FrameChannel.Create(NewName(), 8);
        Fails(WmmfStatus.Timeout, () => channel.Next(TimeSpan.FromMilliseconds(120)));
        var next = channel.NextAsync();
        channel.Publish(new byte[] { 9 });
        Check(next.Wait(TimeSpan.FromSeconds(30)), "woken");
        using (var frame = next.Result)
            Check(frame.Data[0] == 9, "awaited");
        using var cancel = new CancellationTokenSource();
        var never = Task.Run(() => channel.Next(cancellation: cancel.Token));
        var noCopy = Task.Run(() => channel.ReadInto(new byte[8], cancellation: cancel.Token));
        cancel.Cancel();
        Throws<OperationCanceledException>(() => never.GetAwaiter().GetResult());
        Throws<OperationCanceledException>(() => noCopy.GetAwaiter().GetResult());
        var closed = channel.NextAsync();
        channel.Dispose();
        Throws<ObjectDisposedException>(() => closed.GetAwaiter().GetResult());
    }

    private static void TestChannelWritersWaitInSlices()
    {
        using var writer = FrameChannel.Create(NewName(), 8);
        var waits = new Action<FrameChannel, CancellationToken>[]
        {
            (channel, cancellation) => channel.Begin(Timeout.InfiniteTimeSpan, cancellation).Dispose(),
            (channel, cancellation) => channel.Publish(
                new byte[1], timeout: Timeout.InfiniteTimeSpan, cancellation: cancellation),
        };
        using var looker = MemoryMappedFile.Open(writer.Name, readOnly: true);
        foreach (var wait in waits)
        {
            using var cancel = new CancellationTokenSource();
            var other = FrameChannel.Open(writer.Name);
            using (writer.Begin())
            {
                var waiting = Task.Run(() => wait(other, cancel.Token));
                Until(() => SomebodyWaits(looker), "a writer waits");
                cancel.Cancel();
                Until(() => waiting.IsCompleted, "ends while another is at work");
                Throws<OperationCanceledException>(() => waiting.GetAwaiter().GetResult());
                waiting = Task.Run(() => wait(other, default));
                Until(() => SomebodyWaits(looker), "a writer waits");
                other.Dispose();
                Until(() => waiting.IsCompleted, "ends while another is at work");
                Throws<ObjectDisposedException>(() => waiting.GetAwaiter().GetResult());
            }
        }
        Check(writer.Publish(new byte[1]) == 1, "nothing else was published");
    }

    private static void TestCreateOrOpen()
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

    private static void TestOnWindowsRawSectionsAreThoseOfDotNet()
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

    private static void TestThreadsCountTogether()
    {
        using var file = MemoryMappedFile.Create(NewName(), 4);
        Parallel.For(0, 4, _ =>
        {
            for (var i = 0; i < 5000; i++)
            {
                using (file.WriteLock())
                using (var view = file.View())
                    MemoryMarshal.AsRef<int>(view.GetSpan())++;
            }
        });
        var found = new byte[4];
        file.Read(found);
        Check(BitConverter.ToInt32(found) == 20000, $"{BitConverter.ToInt32(found)}");
        var report = file.Audit();
        Check(!report.IsDamaged && report.Participants == 1 && report.Sequence == 20000, "audit");
    }
}
