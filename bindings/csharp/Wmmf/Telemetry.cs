using System;
using System.Diagnostics.Tracing;
#if NET8_0_OR_GREATER
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
#endif

namespace Wmmf
{
    // Events and metrics of the library: an event source "Wmmf" everywhere, and a meter "Wmmf" on .NET 8 and later.
    // While nobody listens, nothing is formatted, and the cost is almost zero. Listeners are code of others that runs in
    // the middle of the library's calls and finalizers. What they throw ends here, as it ends in an event source.
    internal static class Telemetry
    {
#if NET8_0_OR_GREATER
        private static readonly Meter s_meter = new Meter("Wmmf");
        private static readonly Counter<long>? s_published = Made(() => s_meter.CreateCounter<long>(
            "wmmf.frames.published", "{frame}", "Frames that this process published"));
        private static readonly Counter<long>? s_skipped = Made(() => s_meter.CreateCounter<long>(
            "wmmf.frames.skipped", "{frame}", "Frames that this process could not publish for lack of a slot"));
        private static readonly Counter<long>? s_missed = Made(() => s_meter.CreateCounter<long>(
            "wmmf.frames.missed", "{frame}", "Frames that readers of this process missed"));
        private static readonly UpDownCounter<long>? s_pinned = Made(() => s_meter.CreateUpDownCounter<long>(
            "wmmf.frames.pinned", "{frame}", "Frames that readers of this process hold in place"));
        private static readonly Counter<long>? s_forgotten = Made(() => s_meter.CreateCounter<long>(
            "wmmf.forgotten", "{object}", "Frames and views that were collected without Dispose"));
        private static readonly Histogram<double>? s_age = Made(() => s_meter.CreateHistogram<double>(
            "wmmf.frames.age", "s", "How old frames were when readers of this process got them"));

        // Null: a listener threw when it was told of the instrument. A listener that uses the library at that moment
        // finds the later ones null.
        private static T? Made<T>(Func<T> make) where T : Instrument
        {
            try
            {
                return make();
            }
            catch (Exception)
            {
                return null;
            }
        }

        private static bool IsHeard([NotNullWhen(true)] Instrument? instrument) => instrument?.Enabled == true;

        private static void Tell<T>(T measured, Action<T> tell)
        {
            try
            {
                tell(measured);
            }
            catch (Exception)
            {
                // of a listener
            }
        }

        private static KeyValuePair<string, object?> Channel(string name) => new KeyValuePair<string, object?>("wmmf.channel", name);

        internal static void Published(string channel)
        {
            if (IsHeard(s_published))
                Tell(channel, name => s_published.Add(1, Channel(name)));
        }

        internal static void Taken(string channel, ulong missed, ulong timestampNs)
        {
            if (IsHeard(s_pinned))
                Tell(channel, name => s_pinned.Add(1, Channel(name)));
            Read(channel, missed, timestampNs);
        }

        internal static void Read(string channel, ulong missed, ulong timestampNs)
        {
            if (missed != 0 && IsHeard(s_missed))
                Tell((channel, missed), read => s_missed.Add((long)read.missed, Channel(read.channel)));
            if (IsHeard(s_age))
                Tell(
                    (channel, age: (MonotonicClock.Nanoseconds - (long)timestampNs) / 1e9),
                    read => s_age.Record(read.age, Channel(read.channel)));
        }

        internal static void Released(string channel)
        {
            if (IsHeard(s_pinned))
                Tell(channel, name => s_pinned.Add(-1, Channel(name)));
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
            if (IsHeard(s_skipped))
                Tell(channel, name => s_skipped.Add(1, Channel(name)));
#endif
            if (WmmfEventSource.Log?.IsEnabled() == true)
                WmmfEventSource.Log.Skipped(channel);
        }

        internal static void Forgotten(string kind, string name)
        {
#if NET8_0_OR_GREATER
            if (IsHeard(s_forgotten))
                Tell(
                    (kind, name),
                    one => s_forgotten.Add(1, new KeyValuePair<string, object?>("wmmf.kind", one.kind), Channel(one.name)));
#endif
            if (WmmfEventSource.Log?.IsEnabled() == true)
                WmmfEventSource.Log.Forgotten(kind, name);
        }
    }

    [EventSource(Name = "Wmmf")]
    internal sealed class WmmfEventSource : EventSource
    {
        // Null for a listener that uses the library while it is told of this source.
        internal static readonly WmmfEventSource? Log = new WmmfEventSource();

        [Event(1, Level = EventLevel.Warning, Message = "A {0} of '{1}' was collected without Dispose")]
        public void Forgotten(string kind, string name) => WriteEvent(1, kind, name);

        [Event(2, Level = EventLevel.Informational, Message = "A frame of channel '{0}' was skipped: no slot was free")]
        public void Skipped(string channel) => WriteEvent(2, channel);
    }
}
