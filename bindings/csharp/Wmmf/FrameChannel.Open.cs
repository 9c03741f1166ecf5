using System;
using System.Diagnostics.CodeAnalysis;
using System.Threading;
using System.Threading.Tasks;

namespace Wmmf
{
    // Creating and opening channels.
    public sealed unsafe partial class FrameChannel
    {
        /// <summary>Creates a channel; <see cref="WmmfStatus.Exists"/> if the name is taken.</summary>
        /// <param name="name">At most 230 bytes of UTF-8, without <c>Global\</c> or <c>Local\</c>.</param>
        /// <param name="capacity">Maximum bytes of a frame. There must be enough memory for all slots. On Linux only
        /// used slots cost memory; if there is none left for a slot, the writer gets <see cref="WmmfStatus.NoMemory"/>.
        /// </param>
        /// <param name="slots">3 to 64. One slot holds the newest frame and one is being written, so readers can hold
        /// two slots less before the writer has to skip a frame.</param>
        /// <param name="nameSpace">Where the name is valid.</param>
        /// <param name="access">Who may open it.</param>
        /// <param name="sddl">A security descriptor, with <see cref="SectionAccess.Sddl"/> (Windows).</param>
        /// <param name="mode">Permission bits, with <see cref="SectionAccess.Mode"/> (POSIX).</param>
        /// <param name="participants">How many objects can read in place at the same time, this one included; the others
        /// read copies. Also how many can be open for writing. 0 takes the default, 28.</param>
        /// <param name="history">How many older frames stay readable, besides the slots.</param>
        /// <param name="pinLimit">A writer that finds no other slot takes back one that readers have held for this long
        /// while it waited; zero or infinite: never. See <see cref="Frame.IsIntact"/>.</param>
        /// <param name="pins">How many frames one object can hold at once; 0 takes the default, 8.</param>
        /// <param name="standBy">Do not publish yet: see <see cref="StandBy"/>.</param>
        /// <returns>The channel, open for writing; dispose it.</returns>
        /// <exception cref="ArgumentException">An argument has an invalid value.</exception>
        public static FrameChannel Create(
            string name, int capacity, int slots = 4, SectionNamespace nameSpace = SectionNamespace.Local,
            SectionAccess access = SectionAccess.Owner, string? sddl = null, int mode = 0, int participants = 0,
            int history = 0, TimeSpan pinLimit = default, int pins = 0, bool standBy = false) =>
            Make(name, capacity, slots, false, Described(history, pinLimit, pins, standBy),
                Arguments.Options(nameSpace, SectionLayout.Native, access, mode, participants), sddl, out _);

        /// <summary>Opens the channel, or creates it if there is none. An existing one must have at least this capacity
        /// and as many slots; the other parameters apply to a new one and are those of <see cref="Create"/>.</summary>
        /// <param name="name">At most 230 bytes of UTF-8.</param>
        /// <param name="capacity">Maximum bytes of a frame.</param>
        /// <param name="slots">3 to 64.</param>
        /// <param name="nameSpace">Where the name is valid.</param>
        /// <param name="access">Who may open it.</param>
        /// <param name="sddl">A security descriptor, with <see cref="SectionAccess.Sddl"/> (Windows).</param>
        /// <param name="mode">Permission bits, with <see cref="SectionAccess.Mode"/> (POSIX).</param>
        /// <param name="participants">How many objects can read in place at the same time, this one included; the others
        /// read copies. Also how many can be open for writing. 0 takes the default, 28.</param>
        /// <param name="history">How many older frames stay readable, besides the slots.</param>
        /// <param name="pinLimit">A writer that finds no other slot takes back one that readers have held for this long
        /// while it waited; zero or infinite: never. See <see cref="Frame.IsIntact"/>.</param>
        /// <param name="pins">How many frames one object can hold at once; 0 takes the default, 8.</param>
        /// <param name="standBy">Do not publish yet: see <see cref="StandBy"/>.</param>
        /// <param name="ownOnly">Refuse one of another user or, on POSIX, one of this user with other access.</param>
        /// <returns>The channel, open for writing; dispose it.</returns>
        /// <exception cref="WmmfException">Among others <see cref="WmmfStatus.Access"/>: the existing one may not be
        /// opened.</exception>
        public static FrameChannel CreateOrOpen(
            string name, int capacity, int slots = 4, SectionNamespace nameSpace = SectionNamespace.Local,
            SectionAccess access = SectionAccess.Owner, string? sddl = null, int mode = 0, int participants = 0,
            int history = 0, TimeSpan pinLimit = default, int pins = 0, bool standBy = false, bool ownOnly = false) =>
            Make(name, capacity, slots, true, Described(history, pinLimit, pins, standBy),
                Arguments.Options(nameSpace, SectionLayout.Native, access, mode, participants, ownOnly: ownOnly), sddl, out _);

        /// <summary>Opens the channel, or creates it, and tells which.</summary>
        /// <param name="name">At most 230 bytes of UTF-8.</param>
        /// <param name="capacity">Maximum bytes of a frame.</param>
        /// <param name="created">Whether the channel is new.</param>
        /// <param name="slots">3 to 64.</param>
        /// <param name="nameSpace">Where the name is valid.</param>
        /// <param name="access">Who may open it.</param>
        /// <param name="sddl">A security descriptor, with <see cref="SectionAccess.Sddl"/> (Windows).</param>
        /// <param name="mode">Permission bits, with <see cref="SectionAccess.Mode"/> (POSIX).</param>
        /// <param name="participants">How many objects can read in place at the same time, this one included; the others
        /// read copies. Also how many can be open for writing. 0 takes the default, 28.</param>
        /// <param name="history">How many older frames stay readable, besides the slots.</param>
        /// <param name="pinLimit">A writer that finds no other slot takes back one that readers have held for this long
        /// while it waited; zero or infinite: never. See <see cref="Frame.IsIntact"/>.</param>
        /// <param name="pins">How many frames one object can hold at once; 0 takes the default, 8.</param>
        /// <param name="standBy">Do not publish yet: see <see cref="StandBy"/>.</param>
        /// <param name="ownOnly">Refuse one of another user or, on POSIX, one of this user with other access.</param>
        /// <returns>The channel, open for writing; dispose it.</returns>
        /// <exception cref="WmmfException">Among others <see cref="WmmfStatus.Access"/>: the existing one may not be
        /// opened.</exception>
        public static FrameChannel CreateOrOpen(
            string name, int capacity, out bool created, int slots = 4, SectionNamespace nameSpace = SectionNamespace.Local,
            SectionAccess access = SectionAccess.Owner, string? sddl = null, int mode = 0, int participants = 0,
            int history = 0, TimeSpan pinLimit = default, int pins = 0, bool standBy = false, bool ownOnly = false) =>
            Make(name, capacity, slots, true, Described(history, pinLimit, pins, standBy),
                Arguments.Options(nameSpace, SectionLayout.Native, access, mode, participants, ownOnly: ownOnly), sddl, out created);

        private static wmmf_channel_options Described(int history, TimeSpan pinLimit, int pins, bool standBy)
        {
            Arguments.Within(history, NativeMethods.WMMF_CHANNEL_HISTORY_MAX, nameof(history));
            Arguments.Within(pins, NativeMethods.WMMF_CHANNEL_PINS_MAX, nameof(pins));
            return new wmmf_channel_options
            {
                struct_size = (uint)sizeof(wmmf_channel_options),
                history = (uint)history,
                pins = (uint)pins,
                standby = standBy ? 1u : 0u,
                pin_limit_ns = (ulong)Math.Max(0, Arguments.Nanoseconds(pinLimit, nameof(pinLimit))),
            };
        }

        private static FrameChannel Make(
            string name, int capacity, int slots, bool orOpen, wmmf_channel_options more, wmmf_options options, string? sddl,
            out bool created)
        {
            if (slots < NativeMethods.WMMF_CHANNEL_SLOTS_MIN || slots > NativeMethods.WMMF_CHANNEL_SLOTS_MAX)
                throw new ArgumentOutOfRangeException(
                    nameof(slots), slots,
                    $"expected {NativeMethods.WMMF_CHANNEL_SLOTS_MIN} to {NativeMethods.WMMF_CHANNEL_SLOTS_MAX}");
            var bytes = Arguments.NotNegative(capacity, nameof(capacity));
            int isNew = 1;
            var result = Arguments.TryOpen(
                (text, given, opened) =>
                {
                    int made = 1;
                    var described = more;
                    given->channel = &described;
                    var answer = orOpen
                        ? NativeMethods.wmmf_channel_create_or_open(text, bytes, (uint)slots, given, opened, &made)
                        : NativeMethods.wmmf_channel_create(text, bytes, (uint)slots, given, opened);
                    isNew = made;
                    return answer;
                },
                name, nameof(name), options, sddl, out var native);
            if (!result.IsOk)
                throw WmmfException.Of(
                    result,
                    $"create {(orOpen ? "or open " : "")}channel '{name}' of {slots} slots of {capacity} bytes, "
                    + $"access {(SectionAccess)options.access}",
                    Arguments.Hint(result.Status, name, readOnly: true));
            created = isNew != 0;
            return new FrameChannel(name, native);
        }

        /// <summary>Opens an existing channel; <see cref="WmmfStatus.NotFound"/> if there is none,
        /// <see cref="WmmfStatus.Format"/> if it is another section.</summary>
        /// <param name="name">The name with which it was created.</param>
        /// <param name="nameSpace">Where the name is valid.</param>
        /// <param name="readOnly">Ask only for the right to read.</param>
        /// <returns>The channel; dispose it.</returns>
        /// <exception cref="WmmfException">Among others <see cref="WmmfStatus.NotFound"/>: nothing has this
        /// name.</exception>
        public static FrameChannel Open(
            string name, SectionNamespace nameSpace = SectionNamespace.Local, bool readOnly = false)
        {
            var result = TryOpen(name, nameSpace, readOnly, out var channel);
            return channel ?? throw WmmfException.Of(result, $"open channel '{name}'", Arguments.Hint(result.Status, name, readOnly));
        }

        /// <summary>Opens a channel, if there is one.</summary>
        /// <param name="name">The name with which it was created.</param>
        /// <param name="channel">The channel, or null; dispose it.</param>
        /// <param name="nameSpace">Where the name is valid.</param>
        /// <param name="readOnly">Ask only for the right to read.</param>
        /// <returns>False if nothing has this name. Any other failure is an exception.</returns>
        /// <exception cref="WmmfException">Something has this name and cannot be opened, or nothing can have
        /// it.</exception>
        public static bool TryOpen(
            string name, [NotNullWhen(true)] out FrameChannel? channel,
            SectionNamespace nameSpace = SectionNamespace.Local, bool readOnly = false)
        {
            var result = TryOpen(name, nameSpace, readOnly, out channel);
            if (channel == null && result.Status != WmmfStatus.NotFound)
                throw WmmfException.Of(result, $"open channel '{name}'", Arguments.Hint(result.Status, name, readOnly));
            return channel != null;
        }

        private static NativeResult TryOpen(string name, SectionNamespace nameSpace, bool readOnly, out FrameChannel? channel)
        {
            var result = Arguments.TryOpen(
                NativeMethods.wmmf_channel_open, name, nameof(name),
                Arguments.Options(nameSpace, SectionLayout.Native, readOnly: readOnly), null, out var native);
            channel = result.IsOk ? new FrameChannel(name, native) : null;
            return result;
        }

        /// <summary>Whether a section has this name now, even one that may not be opened.</summary>
        /// <param name="name">The name with which it was created.</param>
        /// <param name="nameSpace">Where the name is valid.</param>
        /// <returns>Whether the name exists; that may change right after.</returns>
        /// <exception cref="WmmfException">Nothing can have such a name.</exception>
        public static bool Exists(string name, SectionNamespace nameSpace = SectionNamespace.Local) =>
            MemoryMappedFile.Exists(name, nameSpace);

        /// <summary>Opens a channel, and waits until there is one, such as a camera that is not yet shared.</summary>
        /// <param name="name">The name with which it will be created.</param>
        /// <param name="timeout">How long; null waits for ever.</param>
        /// <param name="nameSpace">Where the name is valid.</param>
        /// <param name="readOnly">Ask only for the right to read.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>The channel; dispose it.</returns>
        /// <exception cref="WmmfTimeoutException">There was none in time.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public static Task<FrameChannel> OpenAsync(
            string name, TimeSpan? timeout = null, SectionNamespace nameSpace = SectionNamespace.Local,
            bool readOnly = false, CancellationToken cancellationToken = default) =>
            Polling.Of(
                () => TryOpen(name, out var channel, nameSpace, readOnly) ? channel : null,
                $"open channel '{name}'", timeout, cancellationToken);
    }
}
