using System.Diagnostics;

namespace Wmmf
{
    /// <example><code>
    /// var report = file.Audit();
    /// if (report.IsPoisoned || report.OwnerDied)
    ///     logger.LogError("{Section}: {Report}", file.Name, report);
    /// </code></example>
    [DebuggerDisplay("{ToString(),nq}")]
    public sealed partial class AuditReport
    {
        /// <summary>The verdict and who holds the lock, in a few words.</summary>
        /// <returns>For example <c>sound, 2 participants, process 4711 writes</c>.</returns>
        public override string ToString() =>
            (IsPoisoned ? "poisoned" : IsDamaged ? "damaged" : OwnerDied ? "owner died" : "sound")
            + $", {Participants} participant{(Participants == 1 ? "" : "s")}"
            + (Dead != 0 ? $", {Dead} dead" : "")
            + (Readers != 0 ? $", {Readers} read" : "")
            + (WriterProcessId != null ? $", process {WriterProcessId} writes" : "");
    }
}
