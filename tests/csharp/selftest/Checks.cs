// What tests use to state what they expect.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using Wmmf;

internal static class Checks
{
    private static int s_names;

    internal static string NewName() => $"wmmf-cs-{Environment.ProcessId}-{s_names++}";

    internal static void Check(bool condition, string what)
    {
        if (!condition)
            throw new InvalidOperationException(what);
    }

    internal static void Fails(WmmfStatus status, Action action, string said = "")
    {
        try
        {
            action();
        }
        catch (Exception error) when (error is IWmmfError told)
        {
            Check(told.Status == status && error.Message.Contains(said), $"{told.Status}, expected {status} {said}: {error.Message}");
            return;
        }
        Check(false, $"no error, expected {status}");
    }

    // The result in another thread, which has no locks. Not a task: that may run in the thread that waits for it.
    internal static T OfAnotherThread<T>(Func<T> get)
    {
        var result = default(T)!;
        var thread = new Thread(() => result = get());
        thread.Start();
        thread.Join();
        return result;
    }

    internal static T Throws<T>(Action action) where T : Exception
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

    internal static void Refuses(string parameter, string value, string expected, Action action)
    {
        var error = Throws<ArgumentException>(action);
        Check(error.ParamName == parameter, $"{error.ParamName}, expected {parameter}");
        Check(error.Message.Contains(value) && error.Message.Contains(expected), $"{value}, {expected}: {error.Message}");
    }

    internal static void Until(Func<bool> condition, string what)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            Check(clock.Elapsed < TimeSpan.FromSeconds(30), $"not within 30 s: {what}");
            Thread.Sleep(1);
        }
    }

    internal static bool SomebodyWaits(MemoryMappedFile file) =>
        file.Participants().Any(one => one.HasWaitingWriter || one.WaitingReaders != 0);
}
