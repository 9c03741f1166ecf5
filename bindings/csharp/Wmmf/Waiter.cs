using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace Wmmf
{
    // One thread for all asynchronous waits of the process (one more for each further 63 sections and channels). It
    // sleeps in one native call until something changes, a timeout expires, or another thread wakes it. It ends when
    // nobody has waited for a while: a collectible AssemblyLoadContext is not unloaded while a thread runs its code.
    internal sealed unsafe class Waiter
    {
#if NETCOREAPP
        private const long Longest = -1;
        private const long LongestIdle = 1_000_000_000; // most programs wait again sooner
#else
        private const long Longest = NativeMethods.WMMF_WAIT_SLICE_NS; // Mono cannot end a program while a thread is in native code
        private const long LongestIdle = Longest;
#endif

        private static readonly object s_lock = new object();
        private static readonly List<Waiter> s_waiters = new List<Waiter>();

        private readonly IntPtr _waker;

        // Guarded by s_lock: the waits that came since the thread last looked, and how many waits each section has here.
        private readonly List<Wait> _arrived = new List<Wait>();
        private readonly Dictionary<SectionHandle, int> _sections = new Dictionary<SectionHandle, int>();
        private bool _hasEnded;

        // Used only by the thread: all waits, and the item of the native call for each section.
        private readonly List<Wait> _waits = new List<Wait>();
        private readonly Dictionary<SectionHandle, int> _items = new Dictionary<SectionHandle, int>();

        private Waiter()
        {
            IntPtr waker;
            NativeResult result = NativeMethods.wmmf_waker_create(&waker);
            if (!result.IsOk)
                throw WmmfException.Of(result, "start a waiting thread");
            _waker = waker;
            Start(new Thread(Run, 128 * 1024) { IsBackground = true, Name = "Wmmf waits" });
        }

        // Without the execution context of whoever waits first, which the thread would keep alive.
        private static void Start(Thread thread)
        {
            var flows = !ExecutionContext.IsFlowSuppressed();
            var flow = flows ? ExecutionContext.SuppressFlow() : default;
            try
            {
                thread.Start();
            }
            finally
            {
                if (flows)
                    flow.Undo();
            }
        }

        // Completes with the new sequence when it differs from `sequence`. Fails if that will never happen, the timeout
        // (as from Arguments.Nanoseconds, from now) expires, the section is disposed, or the token is cancelled. The
        // caller holds the section and has looked once itself. Only the library awaits it, without a context: this
        // thread calls the SynchronizationContext or TaskScheduler of whoever awaits it, which may run anything at once.
        internal static Task<ulong> WhenChanged(
            SectionHandle section, ulong sequence, long timeout, CancellationToken cancellation)
        {
            var wait = new Wait(section, sequence, timeout);
            wait.Register(cancellation);
            lock (s_lock)
            {
                var waiter = For(section);
                section.Retain(); // until Forget
                _ = waiter._sections.TryGetValue(section, out var waits);
                waiter._sections[section] = waits + 1;
                waiter._arrived.Add(wait);
                wait.Waiter = waiter;
            }
            wait.Waiter.Wake();
            return wait.Task;
        }

        // Makes the threads that wait on this section check whether they still may.
        internal static void WakeThoseWith(SectionHandle section)
        {
            lock (s_lock)
            {
                foreach (var waiter in s_waiters)
                    if (waiter._sections.ContainsKey(section))
                        waiter.Wake();
            }
        }

        // Guarded by s_lock. The waiter that already waits for the section, else the first with a free item.
        private static Waiter For(SectionHandle section)
        {
            Waiter? withRoom = null;
            foreach (var waiter in s_waiters)
            {
                if (waiter._sections.ContainsKey(section))
                    return waiter;
                if (withRoom == null && waiter._sections.Count < NativeMethods.WMMF_WAIT_MANY_MAX)
                    withRoom = waiter;
            }
            if (withRoom == null)
                s_waiters.Add(withRoom = new Waiter());
            return withRoom;
        }

        private void Wake()
        {
            lock (s_lock)
            {
                if (!_hasEnded)
                    _ = NativeMethods.wmmf_waker_wake(_waker);
            }
        }

        private void Run()
        {
            var items = stackalloc wmmf_wait_item[NativeMethods.WMMF_WAIT_MANY_MAX];
            for (;;)
            {
                lock (s_lock)
                {
                    _waits.AddRange(_arrived);
                    _arrived.Clear();
                }
                ForgetTheEnded();
                if (!Gather(items, out var timeout))
                {
                    _waits.ForEach(LookAt);
                    continue;
                }
                var isIdle = _waits.Count == 0;
                NativeResult result =
                    NativeMethods.wmmf_wait_many(items, (uint)_items.Count, _waker, isIdle ? LongestIdle : timeout);
                if (isIdle && result.IsTimeout && TryEnd())
                    return;
                foreach (var wait in _waits)
                {
                    ref var item = ref items[_items[wait.Section]];
                    if (result.IsOk && item.status is (int)WmmfStatus.Ok or (int)WmmfStatus.Timeout)
                        wait.Settle((WmmfStatus)item.status, item.current);
                    else if (!result.IsTimeout)
                        LookAt(wait); // the library has the details of the last item only
                }
            }
        }

        // False if a wait has come.
        private bool TryEnd()
        {
            lock (s_lock)
            {
                if (_arrived.Count != 0)
                    return false;
                _ = s_waiters.Remove(this);
                _hasEnded = true;
                _ = NativeMethods.wmmf_waker_close(_waker);
                return true;
            }
        }

        // One item for each section, and the time until the next timeout. False if two waits on one section have
        // different sequences: then at least one of them has ended.
        private bool Gather(wmmf_wait_item* items, out long timeout)
        {
            var now = MonotonicClock.Nanoseconds;
            timeout = Longest;
            _items.Clear();
            foreach (var wait in _waits)
            {
                if (wait.Deadline != long.MaxValue)
                {
                    var left = Math.Max(0, wait.Deadline - now);
                    timeout = timeout < 0 ? left : Math.Min(timeout, left);
                }
                if (!_items.TryGetValue(wait.Section, out var index))
                {
                    items[_items.Count] = wait.Item();
                    _items.Add(wait.Section, _items.Count);
                }
                else if (items[index].sequence != wait.Sequence)
                {
                    return false;
                }
            }
            return true;
        }

        private static void LookAt(Wait wait)
        {
            var item = wait.Item();
            NativeResult result = NativeMethods.wmmf_wait_many(&item, 1, IntPtr.Zero, 0);
            wait.Settle(result.IsOk ? item.status : result, item.current);
        }

        private void ForgetTheEnded()
        {
            var now = MonotonicClock.Nanoseconds;
            var kept = 0;
            for (var i = 0; i < _waits.Count; i++)
            {
                var wait = _waits[i];
                if (wait.HasEnded(now))
                    Forget(wait);
                else
                    _waits[kept++] = wait;
            }
            _waits.RemoveRange(kept, _waits.Count - kept);
        }

        private void Forget(Wait wait)
        {
            wait.Unregister();
            lock (s_lock)
            {
                if (--_sections[wait.Section] == 0)
                    _ = _sections.Remove(wait.Section);
            }
            wait.Section.Release();
        }

        private sealed class Wait : TaskCompletionSource<ulong>
        {
            private CancellationToken _cancellation;
            private CancellationTokenRegistration _registration;

            internal Wait(SectionHandle section, ulong sequence, long timeout)
                : base(TaskCreationOptions.RunContinuationsAsynchronously)
            {
                Section = section;
                Sequence = sequence;
                var now = MonotonicClock.Nanoseconds;
                Deadline = timeout < 0 || timeout > long.MaxValue - now ? long.MaxValue : now + timeout;
            }

            internal SectionHandle Section { get; }

            internal ulong Sequence { get; }

            internal long Deadline { get; }

            internal Waiter? Waiter { get; set; }

            internal wmmf_wait_item Item() => new wmmf_wait_item
            {
                section = Section.IsChannel ? IntPtr.Zero : Section.Pointer,
                channel = Section.IsChannel ? Section.Pointer : IntPtr.Zero,
                sequence = Sequence,
            };

            // Called before other code knows the wait.
            internal void Register(CancellationToken cancellation)
            {
                _cancellation = cancellation;
                if (cancellation.CanBeCanceled)
                    _registration = cancellation.Register(state => ((Wait)state!).Cancel(), this);
            }

            internal void Unregister() => _registration.Dispose();

            private void Cancel()
            {
                _ = TrySetCanceled(_cancellation);
                Waiter?.Wake(); // otherwise the section would stay open until something else wakes the thread
            }

            internal void Settle(in NativeResult result, ulong current)
            {
                if (result.IsOk)
                    _ = current != Sequence && TrySetResult(current);
                else if (!result.IsTimeout)
                    _ = TrySetException(Failure(result));
            }

            // Whether it has ended, also for reasons that no native call reports.
            internal bool HasEnded(long now)
            {
                if (Section.IsRefused)
                    _ = TrySetException(Section.Refusal());
                if (now >= Deadline)
                    _ = TrySetException(Failure(WmmfStatus.Timeout));
                return Task.IsCompleted;
            }

            private Exception Failure(in NativeResult result) => WmmfException.Of(
                result, Section.IsChannel ? $"wait for a frame of channel '{Section.Name}'" : $"wait for a change of section '{Section.Name}'");
        }
    }
}
