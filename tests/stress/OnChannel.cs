// The same as on_channel.c, in C#.
using System;
using System.Collections.Generic;
using Wmmf;

internal sealed class OnChannel : Work
{
    private const int Size = 512 * sizeof(long);
    private const int Slots = 5;
    private const int HeldMost = 3;

    private readonly byte[] _copy = new byte[Size];
    private Endpoint _home, _window;

    public OnChannel(string name, int seed) : base(name, seed)
    {
        _home = new Endpoint(FrameChannel.Open(name));
        _window = new Endpoint(FrameChannel.Open(name, readOnly: true));
        Often = [
            () => WriteInPlace(_home), () => WriteCopy(_home), () => Hold(_home), () => ReadNext(_home, TimeSpan.Zero),
            () => ReadNext(_window, TimeSpan.Zero)];
        Seldom = [ComeAndGo, VisitShortLived, () => ReadNext(_home, s_moment), () => ReadNext(_window, s_moment)];
    }

    protected override Action[] Often { get; }

    protected override Action[] Seldom { get; }

    // A channel object, and the sequence of the newest frame that was seen through it.
    private sealed class Endpoint(FrameChannel channel)
    {
        private ulong _last;
        private ulong _had; // of those, the newest that the object has given: what it counts missed frames from

        public FrameChannel Channel { get; } = channel;

        public void WasPublished(ulong sequence)
        {
            Expect(sequence > _last, $"frame {sequence} was published after {_last}");
            _last = sequence;
        }

        public void WasGiven(FrameInfo frame)
        {
            Expect(frame.Sequence >= _last, $"frame {frame.Sequence} was given after {_last}");
            var missed = _had != 0 && frame.Sequence > _had ? frame.Sequence - _had - 1 : 0;
            Expect(frame.Missed == missed, $"{frame.Missed} missed between {_had} and {frame.Sequence}");
            _last = _had = frame.Sequence;
        }
    }

    // Writing.

    private void WriteInPlace(Endpoint through)
    {
        using var frame = through.Channel.Begin(s_timeout);
        Fill(frame.Data);
        frame.Size = frame.Data.Length;
        frame.SetUser(frame.Data[..sizeof(long)]);
        if (_random.Next(8) != 0)
            through.WasPublished(frame.Publish());
    }

    private void WriteCopy(Endpoint through)
    {
        Fill(_copy);
        through.WasPublished(through.Channel.Publish(_copy, user: _copy.AsSpan(0, sizeof(long)), timeout: s_timeout));
    }

    // Reading.

    private void See(FrameInfo frame, ReadOnlySpan<byte> picture)
    {
        Look(picture);
        Expect(frame.Size == Size && picture.StartsWith(frame.User) && frame.User.Length == sizeof(long),
               "picture and description are of one frame");
    }

    private static Frame Given(Endpoint through, Frame frame)
    {
        through.WasGiven(frame);
        return frame;
    }

    private void Hold(Endpoint through)
    {
        var held = new List<Frame>();
        try
        {
            held.Add(Given(through, through.Channel.Latest(s_timeout)));
            for (var more = _random.Next(HeldMost); more > 0; more--)
                held.Add(Given(through, through.Channel.Next(s_moment)));
        }
        catch (WmmfTimeoutException) when (held.Count > 0)
        {
        }
        for (var look = 0; look < 2; look++)
            foreach (var frame in held)
                See(frame, frame.Data);
        foreach (var frame in held)
            frame.Dispose();
    }

    private void ReadNext(Endpoint through, TimeSpan timeout)
    {
        try
        {
            var frame = through.Channel.ReadInto(_copy, timeout);
            through.WasGiven(frame);
            See(frame, _copy);
        }
        catch (WmmfTimeoutException)
        {
        }
    }

    // Coming and going.

    private void ComeAndGo()
    {
        _home.Channel.Dispose();
        _window.Channel.Dispose();
        _home = new Endpoint(FrameChannel.CreateOrOpen(_name, Size, Slots));
        _window = new Endpoint(FrameChannel.Open(_name, readOnly: true));
    }

    private FrameChannel EnterShortLived()
    {
        try
        {
            return _random.Next(2) == 0
                ? FrameChannel.Create(ShortLivedName, Size, Slots)
                : FrameChannel.CreateOrOpen(ShortLivedName, Size, Slots);
        }
        catch (WmmfException error) when (error.Status == WmmfStatus.Exists)
        {
            return FrameChannel.Open(ShortLivedName);
        }
    }

    private void VisitShortLived()
    {
        try
        {
            using var channel = EnterShortLived();
            var visit = new Endpoint(channel);
            WriteCopy(visit);
            Hold(visit);
            WriteInPlace(visit);
        }
        catch (WmmfException error) when (error.Status == WmmfStatus.NotFound) // it has ended meanwhile
        {
        }
    }
}
