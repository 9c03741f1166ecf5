// Prints a line for each frame of a channel, such as a camera of `pywinmmf camera share`.
//
//   FrameReader NAME [NAMESPACE [FRAMES]]     local, global or any (default); frames to read (default: no end)
//
// Compile it with bindings/csharp/Wmmf/*.cs, with AllowUnsafeBlocks: in a project of `dotnet new console` both take the
// place of Program.cs. The native library, whose path `pywinmmf --library` prints, belongs beside the program.
//
// It asks for read rights only, which every user has for a shared camera, and reads each frame in place.
using System;
using System.Globalization;
using Wmmf;

if (args.Length is 0 or > 3)
{
    Console.Error.WriteLine("FrameReader NAME [NAMESPACE [FRAMES]]");
    return 2;
}
try
{
    var left = args.Length > 2 ? Positive(args[2]) : long.MaxValue;
    using var channel = Open(args[0], args.Length > 1 ? args[1] : "any");
    while (left > 0)
    {
        try
        {
            using var frame = channel.Next(TimeSpan.FromSeconds(1));
            var sum = 0L;
            foreach (var value in frame.Data)
                sum += value;
            Console.WriteLine($"frame {frame.Sequence}: {frame.Width} x {frame.Height} {frame.FourCC}, "
                              + $"mean {sum / Math.Max(1, frame.Size)}, missed {frame.Missed}");
            left--;
        }
        catch (WmmfTimeoutException)
        {
            Console.WriteLine("no new frame for a second");
        }
    }
    return 0;
}
catch (Exception error) when (error is IWmmfError or ArgumentException)
{
    Console.Error.WriteLine(error.Message);
    return 1;
}

static FrameChannel Open(string name, string nameSpace) => FrameChannel.Open(name, Known(nameSpace), readOnly: true);

// Any: the global namespace, where a camera is shared if the rights allow it, and if nothing has the name there, the local one.
static SectionNamespace Known(string nameSpace) => nameSpace switch
{
    "local" => SectionNamespace.Local,
    "global" => SectionNamespace.Global,
    "any" => SectionNamespace.Any,
    _ => throw new ArgumentException($"NAMESPACE {nameSpace}: expected local, global or any"),
};

static long Positive(string text) =>
    long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
        ? number
        : throw new ArgumentException($"FRAMES {text}: expected a whole number above 0");
