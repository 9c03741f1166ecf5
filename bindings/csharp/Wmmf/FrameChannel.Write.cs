using System;
using System.Diagnostics.CodeAnalysis;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;

namespace Wmmf
{
    // Writing.
    public sealed unsafe partial class FrameChannel
    {
        /// <summary>Returns a slot to fill; dispose it without <see cref="NewFrame.Publish"/> to drop it.</summary>
        /// <param name="timeout">How long to wait while readers hold every slot, or another writer is at work; null
        /// waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>The slot.</returns>
        /// <exception cref="NotSupportedException">It has more bytes than a span can have.</exception>
        /// <exception cref="WmmfTimeoutException">There was none in time; the message names the processes that hold
        /// them.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public NewFrame Begin(TimeSpan? timeout = null, CancellationToken cancellationToken = default)
        {
            var result = Begin(timeout, cancellationToken, out var frame);
            return frame ?? throw BeginFailure(result);
        }

        /// <summary>Returns a slot to fill if there is one in time.</summary>
        /// <param name="frame">The slot, or null; dispose it.</param>
        /// <param name="timeout">Zero, the default, tries once.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>False if readers hold every slot, or another writer is at work.</returns>
        /// <exception cref="NotSupportedException">It has more bytes than a span can have.</exception>
        /// <exception cref="WmmfException">Among others <see cref="WmmfStatus.Deadlock"/>: this thread has begun a
        /// frame.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public bool TryBegin(
            [NotNullWhen(true)] out NewFrame? frame, TimeSpan timeout = default, CancellationToken cancellationToken = default)
        {
            var result = Begin(timeout, cancellationToken, out frame);
            if (frame == null && !result.IsTimeout)
                throw BeginFailure(result);
            return frame != null;
        }

        private NativeResult Begin(TimeSpan? timeout, CancellationToken cancellationToken, out NewFrame? begun)
        {
            var frame = new wmmf_frame { struct_size = (uint)sizeof(wmmf_frame) };
            using var section = _section.Hold();
            var wait = new Waiting(section, timeout, cancellationToken);
            NativeResult result;
            do
                result = NativeMethods.wmmf_channel_begin(section.Pointer, wait.Next(), &frame);
            while (wait.GoesOn(result));
            begun = result.IsOk ? Wrap(section, frame) : null;
            if (result.IsTimeout)
                Telemetry.Skipped(Name);
            return result;
        }

        // Drops the slot if it cannot.
        private NewFrame Wrap(in SectionHandle.Use section, wmmf_frame frame)
        {
            NewFrame? begun = null;
            try
            {
                return begun = new NewFrame(_section, frame, Shown(frame.capacity));
            }
            finally
            {
                if (begun == null)
                    _ = NativeMethods.wmmf_channel_cancel(section.Pointer, &frame);
            }
        }

        private Exception BeginFailure(in NativeResult result) => WmmfException.Of(
            result, $"begin a frame in channel '{Name}'",
            result.IsTimeout ? WhoHolds() : FrameDescription.Hint(result.Status));

        // The processes that hold frames, or write one now.
        private string WhoHolds()
        {
            try
            {
                var culprits = Participants().Where(one => one.IsWriting || one.Pins != 0).Select(one => one.ToString());
                var text = string.Join("; ", culprits);
                return text.Length == 0 ? "" : "in use by " + text;
            }
            catch (Exception error) when (error is IWmmfError or ObjectDisposedException)
            {
                return ""; // the channel's name is gone, or belongs to this object
            }
        }

        /// <summary>Copies a picture into a slot and publishes it, unless there is no slot for it.</summary>
        /// <param name="picture">At most <see cref="Capacity"/> bytes.</param>
        /// <param name="width">Pixels of a row; 0 if it is not a picture.</param>
        /// <param name="height">Rows.</param>
        /// <param name="stride">Bytes from one row to the next; 0: rows without gaps, if the format is known.</param>
        /// <param name="fourCC">The pixel format.</param>
        /// <param name="user">Up to 64 bytes of user data for the readers.</param>
        /// <param name="timestampNs">When it was taken: nanoseconds on the machine's monotonic clock; 0: now.</param>
        /// <param name="timeout">How long to wait for a slot; zero, the default, tries once, so that a camera is never
        /// blocked. <see cref="Timeout.InfiniteTimeSpan"/> waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>Its sequence; 0 if it was skipped, because readers held every slot, or another writer was at work,
        /// for that long. <see cref="Participants"/> shows which.</returns>
        /// <exception cref="WmmfException">Among others: what describes the picture contradicts itself or its
        /// bytes.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public ulong Publish(
            ReadOnlySpan<byte> picture, int width = 0, int height = 0, int stride = 0, FourCC fourCC = default,
            ReadOnlySpan<byte> user = default, ulong timestampNs = 0, TimeSpan timeout = default,
            CancellationToken cancellationToken = default)
        {
            var frame = new wmmf_frame
            {
                struct_size = (uint)sizeof(wmmf_frame),
                used = (ulong)picture.Length,
                width = Arguments.NotNegative(width, nameof(width)),
                height = Arguments.NotNegative(height, nameof(height)),
                stride = Arguments.NotNegative(stride, nameof(stride)),
                fourcc = fourCC.Code,
                timestamp_ns = timestampNs,
            };
            FrameDescription.SetUser(ref frame, user);
            return Write(picture, ref frame, timeout, cancellationToken);
        }

        /// <inheritdoc cref="Publish(ReadOnlySpan{byte}, int, int, int, FourCC, ReadOnlySpan{byte}, ulong, TimeSpan, CancellationToken)"/>
        public ulong Publish(
            byte[] picture, int width = 0, int height = 0, int stride = 0, FourCC fourCC = default,
            ReadOnlySpan<byte> user = default, ulong timestampNs = 0, TimeSpan timeout = default,
            CancellationToken cancellationToken = default)
        {
            Arguments.NotNull(picture, nameof(picture));
            return Publish(
                new ReadOnlySpan<byte>(picture), width, height, stride, fourCC, user, timestampNs, timeout, cancellationToken);
        }

        /// <summary>Copies a picture of another library, and publishes it, unless there is no slot for it.</summary>
        /// <param name="picture">The address of its first row.</param>
        /// <param name="size">Bytes of the picture; all must be readable.</param>
        /// <param name="width">Pixels of a row; 0 if it is not a picture.</param>
        /// <param name="height">Rows.</param>
        /// <param name="stride">Bytes from one row to the next; 0: rows without gaps, if the format is known.</param>
        /// <param name="fourCC">The pixel format.</param>
        /// <param name="user">Up to 64 bytes of user data for the readers.</param>
        /// <param name="timestampNs">When it was taken; 0: now.</param>
        /// <param name="timeout">How long to wait for a slot; zero tries once.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>Its sequence; 0 if it was skipped.</returns>
        /// <exception cref="WmmfException">Among others: what describes the picture contradicts itself or its
        /// bytes.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public ulong Publish(
            IntPtr picture, int size, int width = 0, int height = 0, int stride = 0, FourCC fourCC = default,
            ReadOnlySpan<byte> user = default, ulong timestampNs = 0, TimeSpan timeout = default,
            CancellationToken cancellationToken = default)
        {
            Arguments.NotNull(picture, nameof(picture));
            var bytes = new ReadOnlySpan<byte>((void*)picture, (int)Arguments.NotNegative(size, nameof(size)));
            return Publish(bytes, width, height, stride, fourCC, user, timestampNs, timeout, cancellationToken);
        }

        /// <summary>Copies an array into a slot and publishes it, unless there is no slot for it. Readers in all
        /// languages get its element type and shape.</summary>
        /// <typeparam name="T">Type of the elements, such as <c>float</c>.</typeparam>
        /// <param name="values">The elements in C order.</param>
        /// <param name="shape">The number of elements along each of up to 8 dimensions.</param>
        /// <param name="user">Up to 64 bytes of user data for the readers.</param>
        /// <param name="timestampNs">When it was taken; 0: now.</param>
        /// <param name="timeout">How long to wait for a slot; zero tries once.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>Its sequence; 0 if it was skipped.</returns>
        /// <exception cref="ArgumentException">The shape does not have that many elements.</exception>
        /// <exception cref="NotSupportedException">Arrays cannot have such elements.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public ulong PublishArray<T>(
            ReadOnlySpan<T> values, ReadOnlySpan<int> shape, ReadOnlySpan<byte> user = default, ulong timestampNs = 0,
            TimeSpan timeout = default, CancellationToken cancellationToken = default) where T : unmanaged
        {
            var bytes = MemoryMarshal.AsBytes(values);
            if (FrameDescription.BytesOf<T>(shape) != bytes.Length)
                throw new ArgumentException(
                    $"[{string.Join(", ", shape.ToArray())}] with {values.Length} elements: expected a shape with that many", nameof(shape));
            var frame = new wmmf_frame
            {
                struct_size = (uint)sizeof(wmmf_frame),
                used = (ulong)bytes.Length,
                timestamp_ns = timestampNs,
            };
            FrameDescription.SetUser(ref frame, user);
            FrameDescription.SetArray(ref frame, FrameElements.Of<T>(), shape);
            return Write(bytes, ref frame, timeout, cancellationToken);
        }

        private ulong Write(
            ReadOnlySpan<byte> picture, ref wmmf_frame frame, TimeSpan timeout, CancellationToken cancellationToken)
        {
            using var section = _section.Hold();
            var wait = new Waiting(section, timeout, cancellationToken);
            NativeResult result;
            fixed (byte* bytes = picture)
            fixed (wmmf_frame* described = &frame)
            {
                do
                    result = NativeMethods.wmmf_channel_write(section.Pointer, bytes, wait.Next(), described);
                while (wait.GoesOn(result));
            }
            if (result.IsTimeout)
            {
                Telemetry.Skipped(Name);
                return 0;
            }
            if (!result.IsOk)
                throw FrameDescription.Failure(result, frame, Name);
            Telemetry.Published(Name);
            return frame.sequence;
        }
    }
}
