using System;
using System.Runtime.InteropServices;

namespace Wmmf
{
    /// <summary>A held read lock that belongs to no thread: its block may contain an await, and any thread may dispose
    /// it.</summary>
    /// <remarks><see cref="MemoryMappedFile"/>'s own Read and Write would wait for this lock: use its bytes.</remarks>
    /// <example><code>
    /// using (var held = await file.ReadLockAsync())
    ///     await stream.WriteAsync(held.Bytes(0, 100).ToArray());
    /// </code></example>
    public sealed class AsyncReadLock : IDisposable
    {
        private readonly AsyncLock _lock;

        internal AsyncReadLock(AsyncLock held) => _lock = held;

        /// <summary>A part of the payload in place.</summary>
        /// <param name="offset">Where it begins.</param>
        /// <param name="length">How many bytes; -1 goes to the end.</param>
        /// <returns>The bytes, valid until the lock is disposed.</returns>
        /// <exception cref="ArgumentOutOfRangeException">It is not inside the payload, or longer than a span can
        /// be.</exception>
        /// <exception cref="ObjectDisposedException">The lock is released.</exception>
        public ReadOnlySpan<byte> Bytes(long offset = 0, int length = -1) => _lock.Bytes(offset, length);

        /// <summary>Releases the lock. Does not throw; see <see cref="ReadLock.Dispose"/>.</summary>
        public void Dispose() => _lock.GiveBack();
    }

    /// <summary>The held write lock, which belongs to no thread: its block may contain an await, and any thread may
    /// dispose it.</summary>
    /// <remarks><see cref="MemoryMappedFile"/>'s own Read and Write would wait for this lock: use its bytes.</remarks>
    /// <example><code>
    /// using (var held = await file.WriteLockAsync())
    ///     held.AsRef&lt;int&gt;(0) = await AskSomebody();
    /// </code></example>
    public sealed class AsyncWriteLock : IDisposable
    {
        private readonly AsyncLock _lock;

        internal AsyncWriteLock(AsyncLock held, bool ownerDied)
        {
            _lock = held;
            OwnerDied = ownerDied;
        }

        /// <summary>Whether the previous owner died while it held the lock, if you took it with <c>repair: true</c>.
        /// Then repair the payload and call <see cref="MarkConsistent"/>; otherwise this stays true for the next
        /// writer.</summary>
        public bool OwnerDied { get; }

        /// <summary>A part of the payload in place.</summary>
        /// <param name="offset">Where it begins.</param>
        /// <param name="length">How many bytes; -1 goes to the end.</param>
        /// <returns>The bytes, valid until the lock is disposed.</returns>
        /// <exception cref="ArgumentOutOfRangeException">It is not inside the payload, or longer than a span can
        /// be.</exception>
        /// <exception cref="ObjectDisposedException">The lock is released.</exception>
        public Span<byte> Bytes(long offset = 0, int length = -1) => _lock.Bytes(offset, length);

        /// <summary>A value in place.</summary>
        /// <typeparam name="T">A type without references.</typeparam>
        /// <param name="offset">Where it begins, in bytes.</param>
        /// <returns>The value itself, valid until the lock is disposed.</returns>
        /// <exception cref="ArgumentOutOfRangeException">It is not inside the payload.</exception>
        /// <exception cref="ObjectDisposedException">The lock is released.</exception>
        public unsafe ref T AsRef<T>(long offset = 0) where T : unmanaged =>
            ref MemoryMarshal.Cast<byte, T>(Bytes(offset, sizeof(T)))[0];

        /// <summary>Declares the data under this lock consistent after a writer died.</summary>
        /// <exception cref="ObjectDisposedException">The lock is released.</exception>
        public void MarkConsistent() => _lock.MarkConsistent();

        /// <summary>Releases the lock and wakes all waits for a change. Does not throw; see
        /// <see cref="ReadLock.Dispose"/>.</summary>
        public void Dispose() => _lock.GiveBack();
    }
}
