// What all work of the kill stress has in common.
using System;
using System.Runtime.InteropServices;

// Random operations on the thing of this name, and what came of them.
internal abstract class Work
{
    // Longer than any wait here should take: running into it counts as a hang.
    protected static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(10);

    // For waits that may well time out.
    protected static readonly TimeSpan s_moment = TimeSpan.FromMilliseconds(1);

    protected readonly string _name;
    protected readonly Random _random;

    protected Work(string name, int seed)
    {
        _name = name;
        _random = new Random(seed);
    }

    protected abstract Action[] Often { get; }

    protected abstract Action[] Seldom { get; }

    public int Torn { get; private set; }

    public int Repairs { get; protected set; }

    protected string ShortLivedName => _name + "-short-lived";

    public virtual void Operate()
    {
        var choice = _random.Next(512);
        (choice < Seldom.Length ? Seldom[choice] : Often[_random.Next(Often.Length)])();
    }

    protected static void Expect(bool condition, string what)
    {
        if (!condition)
            throw new InvalidOperationException("not so: " + what);
    }

    // Every version is one random number in all words.
    protected long Fill(Span<byte> version)
    {
        var value = _random.NextInt64();
        MemoryMarshal.Cast<byte, long>(version).Fill(value);
        return value;
    }

    protected void Look(ReadOnlySpan<byte> version) =>
        Torn += version[sizeof(long)..].SequenceEqual(version[..^sizeof(long)]) ? 0 : 1;
}
