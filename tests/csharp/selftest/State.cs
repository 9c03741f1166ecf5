// What the system and the lock report about sections and channels.
using System;
using System.Linq;
using Wmmf;
using static Checks;

internal static class StateTests
{
    internal static void TestWhoseItIs()
    {
        using var file = MemoryMappedFile.Create(NewName(), 10);
        using var channel = FrameChannel.Create(NewName(), 10);
        Check(file.GetOwner().Length != 0 && file.GetOwner() == channel.GetOwner(), $"'{file.GetOwner()}', '{channel.GetOwner()}'");
        Check(file.IsNamed() && file.NameSpace == SectionNamespace.Local, "named");
        Check(file.CreatorProcessId == Environment.ProcessId, "by this process");
        Check((DateTimeOffset.UtcNow - file.Created!.Value).Duration() < TimeSpan.FromMinutes(1), "now");
        using var found = MemoryMappedFile.Open(file.Name, SectionNamespace.Any);
        Check(found.NameSpace == SectionNamespace.Local, "found there");
        using var viewer = FrameChannel.Open(channel.Name, SectionNamespace.Any);
        Check(channel.NameSpace == SectionNamespace.Local && viewer.NameSpace == SectionNamespace.Local, "a channel there");
        using var raw = MemoryMappedFile.Create(NewName(), 10, layout: SectionLayout.Raw);
        Check(raw.Created == null && raw.CreatorProcessId == null, "the layout does not say");
    }

    internal static void TestAnObjectKnowsItsRecord()
    {
        using var file = MemoryMappedFile.Create(NewName(), 10);
        using var other = MemoryMappedFile.Open(file.Name);
        using var reader = MemoryMappedFile.Open(file.Name, readOnly: true);
        using var raw = MemoryMappedFile.Create(NewName(), 10, layout: SectionLayout.Raw);
        Check(file.Record == 0 && other.Record == 1 && reader.Record == null && raw.Record == null, $"{file.Record}, {other.Record}");
        using (other.ReadLock())
            Check(file.Participants().Single(one => one.Readers == 1).Record == other.Record, "the same");
    }

    internal static void TestPagesHaveSizes()
    {
        Check(MemoryMappedFile.PageSize == Environment.SystemPageSize, $"{MemoryMappedFile.PageSize}");
        Check(MemoryMappedFile.MappingGranularity % MemoryMappedFile.PageSize == 0, $"{MemoryMappedFile.MappingGranularity}");
        Check(MemoryMappedFile.LargePageSize % MemoryMappedFile.PageSize == 0, $"{MemoryMappedFile.LargePageSize}");
    }

    internal static void TestLockSaysWhoHoldsIt()
    {
        using var file = MemoryMappedFile.Create(NewName(), 10);
        using var reader = MemoryMappedFile.Open(file.Name, readOnly: true);
        Check(reader.GetLockState().ToString() == "free", reader.GetLockState().ToString());
        using (file.WriteLock())
        {
            var state = reader.GetLockState();
            Check(state.IsWriting && state.IsInitialised && state.WriterProcessId == Environment.ProcessId, state.ToString());
            Check(state.ToString() == $"process {Environment.ProcessId} writes", state.ToString());
        }
        using (file.ReadLock())
            Check(reader.GetLockState() is { Readers: 1, IsWriting: false, IsPoisoned: false, OwnerDied: false }, "read");
        file.Poison();
        Check(reader.GetLockState().IsPoisoned, "poisoned");
        using var raw = MemoryMappedFile.Create(NewName(), 10, layout: SectionLayout.Raw);
        Fails(WmmfStatus.NotSupported, () => raw.GetLockState());
    }

    internal static void TestLockIsBroken()
    {
        using var file = MemoryMappedFile.Create(NewName(), 10, layout: SectionLayout.Winmmf);
        using var other = MemoryMappedFile.Open(file.Name, layout: SectionLayout.Winmmf);
        file.EnterWriteLock();
        Check(OfAnotherThread(() => !other.TryEnterWriteLock()), "held");
        other.BreakLock();
        Check(OfAnotherThread(() =>
        {
            if (!other.TryEnterWriteLock())
                return false;
            other.ExitWriteLock();
            return true;
        }), "free");
        using var native = MemoryMappedFile.Create(NewName(), 10);
        Fails(WmmfStatus.NotSupported, () => native.BreakLock());
    }

    internal static void TestStandingBy()
    {
        var name = NewName();
        using var camera = FrameChannel.Create(name, 10, slots: 6, pins: 2, pinLimit: TimeSpan.FromSeconds(60));
        Check(camera.PinLimit == TimeSpan.FromSeconds(60) && camera.FramesAtOnce == 2 && camera.Generation == 1, "as asked");
        Check(!camera.IsNameless, "it has its name");
        using var unlimited = FrameChannel.Create(NewName(), 10, pinLimit: System.Threading.Timeout.InfiniteTimeSpan);
        Check(unlimited.PinLimit == TimeSpan.Zero, "without a limit");
        Check(camera.GetState(TimeSpan.FromHours(1)) == ChannelState.Live, "no frame can be expected yet");
        Until(() => camera.GetState(TimeSpan.Zero) == ChannelState.Stalled, "there is no frame");
        using var standby = FrameChannel.CreateOrOpen(name, 10, slots: 6, standBy: true);
        Check(!standby.TryStandBy(), "the camera is there");
        Throws<WmmfTimeoutException>(() => standby.StandBy(TimeSpan.FromMilliseconds(20)));
        var waiting = standby.StandByAsync();
        Check(!waiting.IsCompleted, "waits");
        camera.Dispose();
        Check(waiting.Wait(TimeSpan.FromSeconds(30)), "took its place");
        Check(standby.Publish(new byte[1]) == 1 && standby.GetState() == ChannelState.Live, "publishes");
        using var third = FrameChannel.CreateOrOpen(name, 10, slots: 6, standBy: true);
        using var cancel = new System.Threading.CancellationTokenSource();
        var cancelled = third.StandByAsync(cancellationToken: cancel.Token);
        cancel.Cancel();
        Throws<OperationCanceledException>(() => cancelled.GetAwaiter().GetResult());
        Throws<WmmfTimeoutException>(() => third.StandByAsync(TimeSpan.FromMilliseconds(30)).GetAwaiter().GetResult());
    }
}
