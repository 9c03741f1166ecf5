// Prints a line for each frame of a channel, such as a camera of `pywinmmf camera share`.
//
//   FrameReader NAME [NAMESPACE [FRAMES]]     local or global; how many, else until it is ended
//
// It asks for read rights only, as every user has them of a shared camera, and therefore copies each frame. With
// write rights frames can be read in place: `using var frame = channel.Next();` and `frame.Data`.
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
    var nameSpace = args.Length > 1 ? Enum.Parse<Namespace>(args[1], ignoreCase: true) : Namespace.Local;
    using var channel = FrameChannel.Open(args[0], nameSpace, readOnly: true);
    var picture = new byte[channel.Capacity]; // one for all frames: a new one costs more than the copy
    for (var left = args.Length > 2 ? long.Parse(args[2], CultureInfo.InvariantCulture) : long.MaxValue; left > 0;)
    {
        try
        {
            var frame = channel.ReadInto(picture, TimeSpan.FromSeconds(1));
            var sum = 0L;
            foreach (var value in picture.AsSpan(0, frame.Size))
                sum += value;
            Console.WriteLine($"frame {frame.Sequence}: {frame.Width} x {frame.Height} {frame.FourCC}, "
                              + $"mean {sum / Math.Max(1, frame.Size)}, missed {frame.Missed}");
            left--;
        }
        catch (WmmfException error) when (error.Status == Status.Timeout)
        {
            Console.WriteLine("no new frame for a second");
        }
    }
    return 0;
}
catch (Exception error) when (error is WmmfException or ArgumentException or FormatException)
{
    Console.Error.WriteLine(error.Message);
    return 1;
}
