// Tasks that take turns on one thread: none uses the lock of another as its own.
using System;
using System.Collections.Concurrent;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Wmmf;
using static Checks;

internal static class TaskLocksTests
{
    private static readonly TimeSpan s_long = TimeSpan.FromSeconds(30);
    private const int Row = 128;

    private static MemoryMappedFile NewTable() => MemoryMappedFile.Create(NewName(), 1024, locks: 8);

    // A thread that runs its tasks in turn, like the thread of a window.
    private sealed class Window : SynchronizationContext
    {
        private readonly BlockingCollection<(SendOrPostCallback Callback, object? State)> _posted = new();

        public override void Post(SendOrPostCallback callback, object? state) => _posted.Add((callback, state));

        private bool RunOne()
        {
            var isThere = _posted.TryTake(out var one, s_long);
            if (isThere)
                one.Callback(one.State);
            return isThere;
        }

        // As a message box does.
        internal static void RunOneInside() => Check(((Window)Current!).RunOne(), "one is posted");

        internal static void Run(Func<Task> work)
        {
            var done = OfAnotherThread(() =>
            {
                var window = new Window();
                SetSynchronizationContext(window);
                var task = work();
                while (!task.IsCompleted && window.RunOne())
                {
                }
                return task;
            });
            Check(done.IsCompleted, "the tasks end");
            done.GetAwaiter().GetResult();
        }
    }

    private static void OnThePool(Action action)
    {
        var task = Task.Run(action);
        Until(() => task.IsCompleted, "it ends"); // waiting for it might run it here
        task.GetAwaiter().GetResult();
    }

    private static void IsTold(WmmfStatus status, Action use)
    {
        var error = Throws<WmmfException>(use);
        Check(error.Status == status && error.Message.Contains("WriteLockAsync"), $"{status}: {error.Message}");
    }

    // Another task of this thread has the write lock of the file and that of the row.
    private static void UsesAreTold(MemoryMappedFile file)
    {
        var row = file.LockAt(Row);
        var wants = new Action[]
        {
            () => file.Read<byte>(), () => file.Write((byte)9), () => file.Write(new byte[1], 0, TimeSpan.Zero),
            () => file.CreateStream().ReadByte(),
            () => file.EnterReadLock(), () => file.EnterWriteLock(), () => file.EnterWriteLock(repair: true),
            () => file.TryEnterReadLock(), () => file.TryEnterWriteLock(),
            () => file.ReadLock().Dispose(), () => file.WriteLock().Dispose(),
            () => row.EnterReadLock(), () => row.EnterWriteLock(), () => row.TryEnterReadLock(), () => row.TryEnterWriteLock(),
        };
        foreach (var want in wants)
            IsTold(WmmfStatus.Deadlock, want);
        foreach (var end in new Action[] { file.ExitWriteLock, file.MarkConsistent, row.ExitWriteLock, row.MarkConsistent })
            IsTold(WmmfStatus.NotOwner, end);
    }

    private static void Enter(MemoryMappedFile file)
    {
        file.EnterWriteLock();
        file.LockAt(Row).EnterWriteLock();
    }

    private static void Exit(MemoryMappedFile file)
    {
        file.LockAt(Row).ExitWriteLock();
        file.ExitWriteLock();
    }

    internal static void TestATaskIsToldOfTheLockOfAnother()
    {
        using var file = NewTable();
        Window.Run(async () =>
        {
            var enough = new TaskCompletionSource<bool>();
            async Task Hold()
            {
                Enter(file);
                file.Write((byte)1);
                await enough.Task;
                file.Write((byte)2, 1);
                Exit(file);
            }
            var holding = Hold();
            UsesAreTold(file);
            await Task.Yield();
            UsesAreTold(file);
            var waits = new[]
            {
                file.ReadAsync(new byte[1], 0, s_long).AsTask(), file.WriteAsync(new byte[1], 2, s_long).AsTask(),
                Taken(file.ReadLockAsync(s_long)), Taken(file.LockAt(Row).ReadLockAsync(s_long)),
            };
            Throws<WmmfTimeoutException>(() => file.ReadAsync(new byte[1], 0, TimeSpan.Zero).GetAwaiter().GetResult());
            await Task.Delay(20);
            Check(waits.All(one => !one.IsCompleted), "they wait");
            enough.SetResult(true);
            await holding;
            await Task.WhenAll(waits);
            Check(file.Read<short>() == 1 + 2 * 256, "what it wrote");
            file.EnterWriteLock();
            file.ExitWriteLock();
        });

        async Task Taken(ValueTask<AsyncReadLock> wait) => (await wait).Dispose();
    }

    // An async method begins on the thread that calls it, whichever that is.
    internal static void TestTheCallerIsToldOfALockThatWasTakenBeforeAnAwait()
    {
        var hold = () =>
        {
            using var file = NewTable();
            async Task Hold()
            {
                Enter(file);
                await new TaskCompletionSource<bool>().Task;
            }
            _ = Hold();
            UsesAreTold(file);
        };
        hold();
        OnThePool(hold);
    }

    internal static void TestReadersOfOneThread()
    {
        using var file = NewTable();
        Window.Run(async () =>
        {
            var enough = new TaskCompletionSource<bool>();
            async Task Hold()
            {
                file.EnterReadLock();
                await enough.Task;
                file.ExitReadLock();
            }
            var holding = Hold();
            Check(file.Read<byte>() == 0, "reading together");
            IsTold(WmmfStatus.Deadlock, () => file.Write((byte)1));
            IsTold(WmmfStatus.Deadlock, () => file.EnterReadLock());
            IsTold(WmmfStatus.NotOwner, file.ExitReadLock);
            var writing = file.WriteAsync(new byte[] { 3 }, 0, s_long).AsTask();
            Check(!writing.IsCompleted, "it waits");
            enough.SetResult(true);
            await holding;
            await writing;
            Check(file.Read<byte>() == 3, "written");
        });
    }

    // Tasks that run inside a block without await, in the thread that should wait for them.
    internal static void TestATaskThatRunsInsideABlockIsTold()
    {
        var run = () =>
        {
            using var file = NewTable();
            var task = new Task(() => file.Write((byte)1));
            using (file.WriteLock())
                task.RunSynchronously();
            IsTold(WmmfStatus.Deadlock, () => task.GetAwaiter().GetResult());
            file.Write((byte)1);
        };
        run();
        OnThePool(run);
    }

    internal static void TestATaskOfAMessageLoopInsideABlockIsTold()
    {
        using var file = NewTable();
        Window.Run(async () =>
        {
            async Task Write()
            {
                await Task.Yield();
                file.Write((byte)1);
            }
            void Show()
            {
                using (file.WriteLock())
                    Window.RunOneInside();
            }
            var writing = Write();
            Show();
            await Task.WhenAny(writing);
            IsTold(WmmfStatus.Deadlock, () => writing.GetAwaiter().GetResult());
        });
    }

    internal static void TestWhatATaskCallsAndStartsHasItsLock()
    {
        using var file = NewTable();
        using var other = NewTable();
        Window.Run(async () =>
        {
            Enter(file);
            Task Below() => Inside(async () =>
            {
                file.Write((byte)1);
                await Task.Yield();
                file.Write((byte)2);
                other.EnterWriteLock();
                await Task.Yield();
                other.ExitWriteLock();
            });
            await Below();
            var started = Below();
            await Task.Yield();
            file.Write((byte)3);
            await started;
            other.EnterWriteLock(); // and released in another order
            Exit(file);
            await Task.Yield();
            other.Write((byte)4);
            other.ExitWriteLock();
        });
        OfAnotherThread(() => file.TryEnterWriteLock(s_long) && other.TryEnterWriteLock(s_long));

        async Task Inside(Func<Task> work) => await work();
    }

    internal static void TestWhatWasStartedUnderAnEarlierLockIsTold()
    {
        using var file = NewTable();
        Window.Run(async () =>
        {
            var (begun, over) = (new TaskCompletionSource<bool>(), new TaskCompletionSource<bool>());
            async Task Later()
            {
                await begun.Task;
                UsesAreTold(file);
                over.SetResult(true);
            }
            async Task Hold(Func<Task> meanwhile)
            {
                Enter(file);
                await meanwhile();
                Exit(file);
            }
            Task? later = null;
            await Hold(() => { later = Later(); return Task.CompletedTask; });
            await Hold(() => { begun.SetResult(true); return Task.WhenAny(over.Task, later!); });
            await later!;
        });
    }

    // What an async method sets ends with it.
    internal static void TestALockThatAnAsyncMethodLeavesIsTold()
    {
        using var file = NewTable();
        Window.Run(async () =>
        {
            async Task Leave()
            {
                await Task.Yield();
                Enter(file);
            }
            await Leave();
            UsesAreTold(file);
        });
    }

    internal static void TestABegunFrameIsOfOneTask()
    {
        using var channel = FrameChannel.Create(NewName(), 10);
        Window.Run(async () =>
        {
            async Task Fill()
            {
                using var slot = channel.Begin();
                slot.Data[0] = 7;
                slot.Size = 1;
                await Task.Yield();
                slot.Publish();
            }
            var filling = Fill();
            Fails(WmmfStatus.Deadlock, () => channel.Begin());
            Fails(WmmfStatus.Deadlock, () => channel.TryBegin(out _));
            Fails(WmmfStatus.Deadlock, () => channel.Publish(new byte[1]));
            await filling;
            using var frame = channel.Latest();
            Check(frame.Data[0] == 7 && channel.Sequence == 1, "one frame");
        });
    }
}
