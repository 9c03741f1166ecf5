using System.Diagnostics;
using System.Globalization;

namespace Wmmf
{
    /// <example><code>
    /// foreach (var one in table.Holds())
    ///     if (one.IsWriting)
    ///         Console.WriteLine($"{one}, since {one.WritingSince:t}");
    /// </code></example>
    [DebuggerDisplay("{ToString(),nq}")]
    public sealed partial class Hold
    {
        /// <summary>The process, what it does, and where the lock is, in a few words.</summary>
        /// <returns>For example <c>process 4711, writes at offset 128</c>.</returns>
        public override string ToString() =>
            "process " + ProcessId.ToString(CultureInfo.InvariantCulture)
            + (IsWaiting ? ", waits" : IsWriting ? ", writes" : ", reads")
            + " at offset " + Offset.ToString(CultureInfo.InvariantCulture);
    }
}
