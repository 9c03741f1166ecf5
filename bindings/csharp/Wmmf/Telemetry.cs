using System;
using System.Diagnostics.Tracing;
#if NET8_0_OR_GREATER
using System.Collections.Generic;
using System.Diagnostics.Metrics;
#endif

namespace Wmmf
{
    // Events and metrics of the library: an event source "Wmmf" everywhere, and a meter "Wmmf" on .NET 8 and later.
    // While nobody listens, nothing is formatted, and the cost is almost zero.
    internal static class Telemetry
    {
#if NET8_0_OR_GREATER
        private static readonly Meter s_meter = new Meter("Wmmf");
        private static readonly Counter<long> s_published = s_meter.CreateCounter<long>(
            "wmmf.frames.published", "{frame}", "Frames that this process published");
        private static readonly Counter<long> s_skipped = s_meter.CreateCounter<long>(
            "wmmf.frames.skipped", "{frame}", "Frames that this process could not publish for lack of a slot");
        private static readonly Counter<long> s_missed = s_meter.CreateCounter<long>(
            "wmmf.frames.missed", "{frame}", "Frames that readers of this process missed");
        private static readonly UpDownCounter<long> s_pinned = s_meter.CreateUpDownCounter<long>(
            "wmmf.frames.pinned", "{frame}", "Frames that readers of this process hold in place");
        private static readonly Counter<long> s_forgotten = s_meter.CreateCounter<long>(
            "wmmf.forgotten", "{object}", "Frames and views that were collected without Dispose");
        private static readonly Histogram<double> s_age = s_meter.CreateHistogram<double>(
            "wmmf.frames.age", "s", "How old frames were when readers of this process got them");

        private static KeyValuePair<string, object?> Channel(string name) => new KeyValuePair<string, object?>("wmmf.channel", name);

        internal static void Published(string channel)
        {
            if (s_published.Enabled)
                s_published.Add(1, Channel(channel));
        }

        internal static void Taken(string channel, ulong missed, ulong timestampNs)
        {
            if (s_pinned.Enabled)
                s_pinned.Add(1, Channel(channel));
            Read(channel, missed, timestampNs);
        }

        internal static void Read(string channel, ulong missed, ulong timestampNs)
        {
            if (missed != 0 && s_missed.Enabled)
                s_missed.Add((long)missed, Channel(channel));
            if (s_age.Enabled)
                s_age.Record((MonotonicClock.Nanoseconds - (long)timestampNs) / 1e9, Channel(channel));
        }

        internal static void Released(string channel)
        {
            if (s_pinned.Enabled)
                s_pinned.Add(-1, Channel(channel));
        }
#else
        internal static void Published(string channel)
        {
        }

        internal static void Taken(string channel, ulong missed, ulong timestampNs)
        {
        }

        internal static void Read(string channel, ulong missed, ulong timestampNs)
        {
        }

        internal static void Released(string channel)
        {
        }
#endif

        internal static void Skipped(string channel)
        {
#if NET8_0_OR_GREATER
            if (s_skipped.Enabled)
                s_skipped.Add(1, Channel(channel));
#endif
            if (WmmfEventSource.Log.IsEnabled())
                WmmfEventSource.Log.Skipped(channel);
        }

        internal static void Forgotten(string kind, string name)
        {
#if NET8_0_OR_GREATER
            if (s_forgotten.Enabled)
                s_forgotten.Add(1, new KeyValuePair<string, object?>("wmmf.kind", kind), Channel(name));
#endif
            if (WmmfEventSource.Log.IsEnabled())
                WmmfEventSource.Log.Forgotten(kind, name);
        }
    }

    [EventSource(Name = "Wmmf")]
    internal sealed class WmmfEventSource : EventSource
    {
        internal static readonly WmmfEventSource Log = new WmmfEventSource();

        [Event(1, Level = EventLevel.Warning, Message = "A {0} of '{1}' was collected without Dispose")]
        public void Forgotten(string kind, string name) => WriteEvent(1, kind, name);

        [Event(2, Level = EventLevel.Informational, Message = "A frame of channel '{0}' was skipped: no slot was free")]
        public void Skipped(string channel) => WriteEvent(2, channel);
    }
}
