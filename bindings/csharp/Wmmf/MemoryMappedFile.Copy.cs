using System;
using System.IO;
using System.Runtime.InteropServices;
using System.Threading;

namespace Wmmf
{
    // Bytes and values, copied under the lock or in place.
    public sealed unsafe partial class MemoryMappedFile
    {
        /// <summary>Copies from <paramref name="offset"/> into all of <paramref name="buffer"/>, under the read lock or the
        /// lock that this thread holds.</summary>
        /// <param name="buffer">The bytes are copied here.</param>
        /// <param name="offset">Where the bytes begin.</param>
        /// <param name="timeout">For the lock; null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <exception cref="WmmfTimeoutException">The lock was not free in time.</exception>
        /// <exception cref="OwnerDiedException">A writer died while it held the lock.</exception>
        /// <exception cref="WmmfException">Among others <see cref="WmmfStatus.Deadlock"/>: another task of this thread
        /// has the lock, see <see cref="EnterReadLock"/>.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public void Read(
            Span<byte> buffer, long offset = 0, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
        {
            var result = TryRead(buffer, Arguments.Bytes(offset, nameof(offset)), timeout, cancellationToken);
            if (!result.IsOk)
                throw Failure(result, NativeLock.Own, $"read {buffer.Length} bytes at offset {offset} of");
        }

        private NativeResult TryRead(Span<byte> buffer, ulong from, TimeSpan? timeout, CancellationToken cancellationToken)
        {
            if (HeldLocks.AnotherTaskHas(_section, NativeLock.Own, writing: false))
                return WmmfStatus.Deadlock;
            using var section = _section.Hold();
            // Without the lock every slice starts the copy again.
            var wait = new Waiting(section, timeout, cancellationToken, copied: IsReadOnly ? buffer.Length : 0);
            NativeResult result;
            fixed (byte* bytes = buffer)
            {
                do
                    result = NativeMethods.wmmf_read(section.Pointer, from, bytes, (ulong)buffer.Length, wait.Next());
                while (wait.GoesOn(result));
            }
            return result;
        }

        /// <summary>Copies all of <paramref name="data"/> to <paramref name="offset"/>, under the write lock, or the
        /// one that this thread holds.</summary>
        /// <param name="data">The bytes.</param>
        /// <param name="offset">Where the bytes go; others do not change.</param>
        /// <param name="timeout">For the lock; null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <exception cref="WmmfTimeoutException">The lock was not free in time.</exception>
        /// <exception cref="OwnerDiedException">A writer died while it held the lock.</exception>
        /// <exception cref="WmmfException">Among others <see cref="WmmfStatus.Deadlock"/>: another task of this thread
        /// has the lock, see <see cref="EnterReadLock"/>.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public void Write(
            ReadOnlySpan<byte> data, long offset = 0, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
        {
            var result = TryWrite(data, Arguments.Bytes(offset, nameof(offset)), timeout, cancellationToken);
            if (!result.IsOk)
                throw Failure(result, NativeLock.Own, $"write {data.Length} bytes at offset {offset} of");
        }

        private NativeResult TryWrite(ReadOnlySpan<byte> data, ulong to, TimeSpan? timeout, CancellationToken cancellationToken)
        {
            if (HeldLocks.AnotherTaskHas(_section, NativeLock.Own, writing: true))
                return WmmfStatus.Deadlock;
            using var section = _section.Hold();
            var wait = new Waiting(section, timeout, cancellationToken);
            var place = 0ul;
            NativeResult result;
            try
            {
                fixed (byte* bytes = data)
                {
                    do
                        result = NativeMethods.wmmf_write_queued(
                            section.Pointer, to, bytes, (ulong)data.Length, wait.Next(), &place);
                    while (wait.GoesOn(result));
                }
            }
            finally
            {
                LeaveQueue(section, NativeLock.Own, place);
            }
            return result;
        }

        /// <summary>Copies a value out, under the read lock; nothing is allocated.</summary>
        /// <typeparam name="T">A type without references.</typeparam>
        /// <param name="offset">Where it begins, in bytes.</param>
        /// <param name="timeout">For the lock; null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>The value.</returns>
        /// <exception cref="WmmfTimeoutException">The lock was not free in time.</exception>
        /// <exception cref="OwnerDiedException">A writer died while it held the lock.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public T Read<T>(long offset = 0, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
            where T : unmanaged
        {
            T value;
            Read(new Span<byte>(&value, sizeof(T)), offset, timeout, cancellationToken);
            return value;
        }

        /// <summary>Copies values out, under one read lock.</summary>
        /// <typeparam name="T">A type without references.</typeparam>
        /// <param name="values">The values are copied here.</param>
        /// <param name="offset">Where the first begins, in bytes.</param>
        /// <param name="timeout">For the lock; null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <exception cref="WmmfTimeoutException">The lock was not free in time.</exception>
        /// <exception cref="OwnerDiedException">A writer died while it held the lock.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public void ReadValues<T>(
            Span<T> values, long offset = 0, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
            where T : unmanaged =>
            Read(MemoryMarshal.AsBytes(values), offset, timeout, cancellationToken);

        /// <summary>Copies a value in, under the write lock; nothing is allocated.</summary>
        /// <typeparam name="T">A type without references.</typeparam>
        /// <param name="value">The value.</param>
        /// <param name="offset">Where it begins, in bytes.</param>
        /// <param name="timeout">For the lock; null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <exception cref="WmmfTimeoutException">The lock was not free in time.</exception>
        /// <exception cref="OwnerDiedException">A writer died while it held the lock.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public void Write<T>(
            in T value, long offset = 0, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
            where T : unmanaged
        {
            fixed (T* bytes = &value)
                Write(new ReadOnlySpan<byte>(bytes, sizeof(T)), offset, timeout, cancellationToken);
        }

        /// <summary>Copies values in, under one write lock.</summary>
        /// <typeparam name="T">A type without references.</typeparam>
        /// <param name="values">The values.</param>
        /// <param name="offset">Where the first begins, in bytes.</param>
        /// <param name="timeout">For the lock; null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <exception cref="WmmfTimeoutException">The lock was not free in time.</exception>
        /// <exception cref="OwnerDiedException">A writer died while it held the lock.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public void WriteValues<T>(
            ReadOnlySpan<T> values, long offset = 0, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
            where T : unmanaged =>
            Write(MemoryMarshal.AsBytes(values), offset, timeout, cancellationToken);

        /// <summary>The payload, or a part of it, in place. Hold the lock while you use it.</summary>
        /// <param name="offset">Where it begins.</param>
        /// <param name="length">How many bytes; -1 goes to the end.</param>
        /// <returns>The view; dispose it.</returns>
        /// <exception cref="ArgumentOutOfRangeException">It is not inside the payload, or longer than a span can
        /// be.</exception>
        public MappedView View(long offset = 0, int length = -1)
        {
            using var section = _section.Hold(); // first: a file may be resized
            var wanted = Checked(offset, length);
            void* data;
            Check(NativeMethods.wmmf_data(section.Pointer, &data), "view");
            return new MappedView(_section, (byte*)data + offset, wanted, IsReadOnly);
        }

        /// <summary>The payload, or a part of it, as a stream. Each read and each write takes the lock
        /// separately.</summary>
        /// <param name="offset">Where the stream begins.</param>
        /// <param name="length">How many bytes; -1 goes to the end.</param>
        /// <returns>A stream that can seek but not grow. It can write unless this object is read-only. It does not own
        /// the section. </returns>
        /// <exception cref="ArgumentOutOfRangeException">It is not inside the payload.</exception>
        public Stream CreateStream(long offset = 0, long length = -1)
        {
            using var section = _section.Hold();
            Arguments.Within(offset, Size, nameof(offset));
            if (length < -1 || length > Size - offset)
                throw new ArgumentOutOfRangeException(nameof(length), length, $"expected -1 to {Size - offset}");
            return new SectionStream(this, offset, length == -1 ? Size - offset : length);
        }

        // The bytes of a lock, in place.
        internal static Span<byte> Exposed(MemoryMappedFile? file, ulong ticket, long offset, int length)
        {
            if (file == null)
                throw HeldLock.GivenBack();
            var wanted = file.Checked(offset, length);
            return file.InPlace(HeldLocks.Expose(ticket), offset, wanted);
        }

        internal Span<byte> Exposed(ref HeldLock held, long offset, int length)
        {
            var wanted = Checked(offset, length);
            return InPlace(held.Expose(), offset, wanted);
        }

        private Span<byte> InPlace(IntPtr section, long offset, int length)
        {
            void* data;
            Check(NativeMethods.wmmf_data(section, &data), "view");
            return new Span<byte>((byte*)data + offset, length);
        }

        // The length of a part; -1 goes to the end.
        private int Checked(long offset, int length)
        {
            var size = Size;
            Arguments.Within(offset, size, nameof(offset));
            var left = size - offset;
            if (length == -1 && left > int.MaxValue)
                throw new ArgumentOutOfRangeException(
                    nameof(length), left, $"a span has at most {int.MaxValue} bytes: view a part of it, with offset and length");
            if (length < -1 || length > left)
                throw new ArgumentOutOfRangeException(nameof(length), length, $"expected -1 to {Math.Min(left, int.MaxValue)}");
            return length == -1 ? (int)left : length;
        }
    }
}
