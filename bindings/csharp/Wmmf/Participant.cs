using System.Diagnostics;
using System.Globalization;

namespace Wmmf
{
    /// <example><code>
    /// foreach (var one in camera.Participants())
    ///     if (one.Pins != 0)
    ///         Console.WriteLine($"{one}, since {one.Joined:t}");
    /// </code></example>
    [DebuggerDisplay("{ToString(),nq}")]
    public sealed partial class Participant
    {
        /// <summary>The process and what it does, in a few words.</summary>
        /// <returns>For example <c>process 4711, writes</c>.</returns>
        public override string ToString() =>
            "process " + ProcessId.ToString(CultureInfo.InvariantCulture)
            + (IsAlive ? "" : ", dead")
            + (IsWriting ? ", writes" : "")
            + (HasWaitingWriter ? ", waits to write" : "")
            + (Readers != 0 ? ", reads" : "")
            + (OldestPinned != null ? $", holds frames from {OldestPinned} on" : "");
    }
}
