using System;
using System.Diagnostics.CodeAnalysis;

namespace Wmmf
{
    /// <summary>A held read lock. Dispose it on the thread that took it; disposing it again, or a copy of it, does
    /// nothing. The compiler refuses an await inside its block, since the lock belongs to the thread.</summary>
    /// <example><code>
    /// using (var held = file.ReadLock())
    ///     Console.WriteLine(held.Bytes(0, 4).Length);
    /// </code></example>
    public readonly ref struct ReadLock
    {
        private readonly MemoryMappedFile? _file;
        private readonly ulong _ticket;

        internal ReadLock(MemoryMappedFile file, ulong ticket)
        {
            _file = file;
            _ticket = ticket;
        }

        /// <summary>A part of the payload in place, without a copy and without allocation.</summary>
        /// <param name="offset">Where it begins.</param>
        /// <param name="length">How many bytes; -1 goes to the end.</param>
        /// <returns>The bytes, valid until the lock is disposed; newer compilers refuse to let them out of its
        /// block.</returns>
        /// <exception cref="ArgumentOutOfRangeException">It is not inside the payload, or longer than a span can
        /// be.</exception>
        /// <exception cref="ObjectDisposedException">The lock is released.</exception>
        [UnscopedRef]
        public ReadOnlySpan<byte> Bytes(long offset = 0, int length = -1) =>
            MemoryMappedFile.Exposed(_file, _ticket, offset, length);

        /// <summary>Releases the lock.</summary>
        /// <remarks>If the section was poisoned meanwhile, this does not throw, as that would hide an exception in flight.
        /// Every later use of the section throws <see cref="WmmfStatus.Poisoned"/>; to know before the block ends, call
        /// <see cref="MemoryMappedFile.Audit"/> there. If the file was closed meanwhile, that took the lock away, and
        /// this does nothing.</remarks>
        public void Dispose()
        {
            if (_file != null)
                _ = HeldLocks.Release(_ticket);
        }
    }

    /// <summary>The held write lock. Dispose it on the thread that took it; disposing it again, or a copy of it, does
    /// nothing. The compiler refuses an await inside its block, since the lock belongs to the thread.</summary>
    /// <example><code>
    /// using (var held = file.WriteLock())
    ///     held.AsRef&lt;int&gt;(0)++;
    /// </code></example>
    public readonly ref struct WriteLock
    {
        private readonly MemoryMappedFile? _file;
        private readonly ulong _ticket;

        internal WriteLock(MemoryMappedFile file, ulong ticket, bool ownerDied)
        {
            _file = file;
            _ticket = ticket;
            OwnerDied = ownerDied;
        }

        /// <summary>Whether the previous owner died while it held the lock, if you took it with <c>repair: true</c>.
        /// Then repair the payload and call <see cref="MemoryMappedFile.MarkConsistent"/>; otherwise this stays true
        /// for the next writer.</summary>
        public bool OwnerDied { get; }

        /// <summary>A part of the payload in place, without a copy and without allocation.</summary>
        /// <param name="offset">Where it begins.</param>
        /// <param name="length">How many bytes; -1 goes to the end.</param>
        /// <returns>The bytes, valid until the lock is disposed; newer compilers refuse to let them out of its
        /// block.</returns>
        /// <exception cref="ArgumentOutOfRangeException">It is not inside the payload, or longer than a span can
        /// be.</exception>
        /// <exception cref="ObjectDisposedException">The lock is released.</exception>
        [UnscopedRef]
        public Span<byte> Bytes(long offset = 0, int length = -1) => MemoryMappedFile.Exposed(_file, _ticket, offset, length);

        /// <summary>A value in place.</summary>
        /// <typeparam name="T">A type without references.</typeparam>
        /// <param name="offset">Where it begins, in bytes.</param>
        /// <returns>The value itself, valid until the lock is disposed.</returns>
        /// <exception cref="ArgumentOutOfRangeException">It is not inside the payload.</exception>
        /// <exception cref="ObjectDisposedException">The lock is released.</exception>
        [UnscopedRef]
        public unsafe ref T AsRef<T>(long offset = 0) where T : unmanaged =>
            ref System.Runtime.InteropServices.MemoryMarshal.Cast<byte, T>(Bytes(offset, sizeof(T)))[0];

        /// <summary>Releases the lock and wakes all waits for a change.</summary>
        /// <remarks>Does not throw; see <see cref="Wmmf.ReadLock.Dispose"/>.</remarks>
        public void Dispose()
        {
            if (_file != null)
                _ = HeldLocks.Release(_ticket);
        }
    }
}
