// Code of others that the library calls: listeners of its telemetry, and what awaits its tasks.
using System;
using System.Collections.Generic;
using System.Diagnostics.Metrics;
using System.Diagnostics.Tracing;
using System.Linq;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using System.Threading;
using System.Threading.Tasks;
using Wmmf;
using static Checks;

internal static class ListenersTests
{
    private static readonly TimeSpan s_long = TimeSpan.FromSeconds(30);

    private static MeterListener Listening(Action<Instrument> told)
    {
        var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Meter.Name == "Wmmf")
                self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, _, _, _) => told(instrument));
        listener.SetMeasurementEventCallback<double>((instrument, _, _, _) => told(instrument));
        listener.Start();
        return listener;
    }

    internal static void TestAListenerThatThrowsChangesNothing()
    {
        var told = new HashSet<string>();
        using var listener = Listening(instrument =>
        {
            lock (told)
                told.Add(instrument.Name);
            throw new InvalidOperationException("of the listener");
        });
        var channel = FrameChannel.Create(NewName(), 8, slots: 3);
        Check(channel.Publish(new byte[1]) == 1, "published");
        using (var slot = channel.Begin())
        {
            slot.Size = 1;
            Check(slot.Publish() == 2, "published in place");
        }
        using (channel.Next())
        {
            channel.Publish(new byte[1]);
            using (channel.Next())
            {
                channel.Publish(new byte[1]);
                Check(channel.Publish(new byte[1]) == 0, "skipped");
            }
        }
        channel.Publish(new byte[1]);
        channel.Publish(new byte[1]);
        using (FrameChannel.NextSet(new[] { channel }, TimeSpan.Zero)[0])
            channel.CreateReader().ReadInto(new byte[8]);
        Check(channel.Participants().All(one => one.Pins == 0), "nothing is held");
        ForgetAView(channel.Name + "-f");
        Until(
            () =>
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                lock (told)
                    return told.Count == 6;
            },
            "each instrument was told, also by a finalizer");
        channel.Dispose();
        Until(() => !FrameChannel.Exists(channel.Name), "no frame keeps the channel open");
    }

    [MethodImpl(MethodImplOptions.NoInlining)] // so that nothing refers to it afterwards
    private static void ForgetAView(string name)
    {
        using var file = MemoryMappedFile.Create(name, 8);
        _ = file.View();
    }

    // Runs a method of this class in a copy of the program, where nothing has used the library yet.
    private static void InACopy(string method)
    {
        var copy = new AssemblyLoadContext(null).LoadFromAssemblyPath(typeof(ListenersTests).Assembly.Location);
        copy.GetType(nameof(ListenersTests))!.GetMethod(method, BindingFlags.NonPublic | BindingFlags.Static)!.Invoke(null, null);
    }

    // The library makes its instruments and its event source at the first use, and listeners are told of each.
    internal static void TestAListenerMayThrowOrUseTheLibraryWhenItIsTold() => InACopy(nameof(BeToldAtTheFirstUse));

    private static void BeToldAtTheFirstUse()
    {
        using var channel = FrameChannel.Create(NewName() + "-told", 8);
        using var slot = channel.Begin();
        UsingListener.Use = () => !channel.TryBegin(out _);
        using var user = new UsingListener();
        using var listener = new MeterListener();
        listener.Start(); // the existing instruments must not be reported to it
        listener.InstrumentPublished = (instrument, _) =>
        {
            if (instrument.Meter.Name == "Wmmf")
                throw new InvalidOperationException("of the listener");
        };
        Check(!OfAnotherThread(() => channel.TryBegin(out _)), "skipped");
        Check(UsingListener.HasUsed, "the listener used the library");
        slot.Size = 1;
        slot.Publish();
        channel.Latest().Dispose();
    }

    private sealed class UsingListener : EventListener
    {
        internal static Func<bool>? Use;
        internal static bool HasUsed;

        protected override void OnEventSourceCreated(EventSource eventSource)
        {
            if (eventSource.GetType().Assembly == typeof(UsingListener).Assembly)
                HasUsed = Use!();
        }
    }

    // Posts by running at once, as contexts of tests do.
    private sealed class AtOnce : SynchronizationContext
    {
        public override void Post(SendOrPostCallback callback, object? state) => callback(state);
    }

    private sealed class AtOnceScheduler : TaskScheduler
    {
        protected override void QueueTask(Task task) => TryExecuteTask(task);

        protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => TryExecuteTask(task);

        protected override IEnumerable<Task> GetScheduledTasks() => Array.Empty<Task>();
    }

    internal static void TestWhoeverAwaitsMayBlock()
    {
        using var file = MemoryMappedFile.Create(NewName(), 8);
        using var channel = FrameChannel.Create(NewName(), 8);
        var blocked = new List<Task>();
        using var go = new ManualResetEventSlim();
        void BlockAll()
        {
            blocked.Add(BlockAfter(file.WaitAsync(file.Sequence).AsTask(), go));
            blocked.Add(BlockAfter(channel.CreateReader().NextAsync().AsTask(), go));
            blocked.Add(BlockAfter(channel.CreateReader().ReadIntoAsync(new byte[8]).AsTask(), go));
        }
        InAContext(BlockAll);
        InAScheduler(BlockAll);
        file.Write(1);
        channel.Publish(new byte[1]);
        var another = file.WaitAsync(file.Sequence, s_long).AsTask();
        file.Write(2);
        var isFree = another.Wait(s_long);
        go.Set();
        Check(isFree && Task.WaitAll(blocked.ToArray(), s_long), "others wait undisturbed");
    }

    private static async Task BlockAfter(Task wait, ManualResetEventSlim go)
    {
        await wait;
        go.Wait();
    }

    private static void InAContext(Action action)
    {
        var before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(new AtOnce());
        action();
        SynchronizationContext.SetSynchronizationContext(before);
    }

    private static void InAScheduler(Action action) =>
        Task.Factory.StartNew(action, CancellationToken.None, TaskCreationOptions.None, new AtOnceScheduler()).Wait();

    internal static void TestTheWaitingThreadKeepsNoContext() => InACopy(nameof(WaitFirstWithAValue));

    private static void WaitFirstWithAValue()
    {
        using var file = MemoryMappedFile.Create(NewName() + "-value", 8);
        var value = OfAnotherThread(() =>
        {
            var local = new AsyncLocal<object> { Value = new object() };
            Throws<AggregateException>(file.WaitAsync(0, TimeSpan.FromMilliseconds(1)).AsTask().Wait);
            return new WeakReference(local.Value);
        });
        var waiting = file.WaitAsync(0).AsTask(); // the thread goes on
        Until(
            () =>
            {
                GC.Collect();
                return !value.IsAlive;
            },
            "what the first caller had is collected");
        file.Write(1);
        Check(waiting.Wait(s_long), "woken");
    }
}
