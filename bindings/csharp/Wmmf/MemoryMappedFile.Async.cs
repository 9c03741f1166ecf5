using System;
using System.Threading;
using System.Threading.Tasks;

namespace Wmmf
{
    // Copies and locks that block no thread.
    public sealed partial class MemoryMappedFile
    {
        /// <summary>Like <see cref="Read(Span{byte}, long, TimeSpan?, CancellationToken)"/>, without blocking a thread
        /// while it waits for the lock. The copy itself is synchronous.</summary>
        /// <param name="buffer">The bytes are copied here.</param>
        /// <param name="offset">Where the bytes begin.</param>
        /// <param name="timeout">For the lock; null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>Completes when the buffer is filled.</returns>
        /// <exception cref="WmmfTimeoutException">The lock was not free in time.</exception>
        /// <exception cref="OwnerDiedException">A writer died while it held the lock.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public ValueTask ReadAsync(
            Memory<byte> buffer, long offset = 0, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
        {
            var from = Arguments.Bytes(offset, nameof(offset));
            NativeResult Attempt() => TryRead(buffer.Span, from, TimeSpan.Zero, cancellationToken);
            return new ValueTask(Copied(Attempt, "read", buffer.Length, offset, timeout, cancellationToken));
        }

        /// <summary>Like <see cref="Write(ReadOnlySpan{byte}, long, TimeSpan?, CancellationToken)"/>, without blocking
        /// a thread while it waits for the lock. The copy itself is synchronous.</summary>
        /// <param name="data">The bytes.</param>
        /// <param name="offset">Where the bytes go; others do not change.</param>
        /// <param name="timeout">For the lock; null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>Completes when the data are written.</returns>
        /// <exception cref="WmmfTimeoutException">The lock was not free in time.</exception>
        /// <exception cref="OwnerDiedException">A writer died while it held the lock.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public ValueTask WriteAsync(
            ReadOnlyMemory<byte> data, long offset = 0, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
        {
            var to = Arguments.Bytes(offset, nameof(offset));
            NativeResult Attempt() => TryWrite(data.Span, to, TimeSpan.Zero, cancellationToken);
            return new ValueTask(Copied(Attempt, "write", data.Length, offset, timeout, cancellationToken));
        }

        // The caller's context, or scheduler, then has a thread of the pool, not the one that waits for all.
        private static async ValueTask<ulong> OfAPoolThread(Task<ulong> wait) => await wait.ConfigureAwait(false);

        private async Task Copied(
            Func<NativeResult> attempt, string verb, int length, long offset, TimeSpan? timeout, CancellationToken cancellation)
        {
            var result = await Retrying.Of(_section, NativeLock.Own, attempt, timeout, cancellation).ConfigureAwait(false);
            if (!result.IsOk)
                throw Failure(result, $"{verb} {length} bytes at offset {offset} of");
        }

        /// <summary>Like <see cref="ReadLock"/>, without blocking a thread. The lock belongs to no thread, so its block
        /// may contain an await.</summary>
        /// <remarks>It waits outside the queue of blocking calls, and tries again after each change and 100 times a
        /// second. If a caller already holds the lock and asks for it for writing, it waits for itself.</remarks>
        /// <param name="timeout">Null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait; a lock that was already taken is returned anyway.</param>
        /// <returns>The lock, for a <c>using</c> block.</returns>
        /// <exception cref="WmmfTimeoutException">The lock was not free in time.</exception>
        /// <exception cref="OwnerDiedException">A writer died while it held the lock, and the payload is not repaired
        /// yet.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public ValueTask<AsyncReadLock> ReadLockAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            ReadLockAsyncAt(NativeLock.Own, timeout, cancellationToken);

        /// <summary>Like <see cref="WriteLock"/>, without blocking a thread. The lock belongs to no thread, so its
        /// block may contain an await.</summary>
        /// <remarks>See <see cref="ReadLockAsync"/>.</remarks>
        /// <param name="timeout">Null waits for ever.</param>
        /// <param name="repair">Take it even if a writer died while it held the lock; see
        /// <see cref="AsyncWriteLock.OwnerDied"/>.</param>
        /// <param name="cancellationToken">Ends the wait; a lock that was already taken is returned anyway.</param>
        /// <returns>The lock, for a <c>using</c> block.</returns>
        /// <exception cref="WmmfTimeoutException">The lock was not free in time.</exception>
        /// <exception cref="OwnerDiedException">A writer died while it held the lock, and <paramref name="repair"/> is
        /// false: the lock is not taken, and nothing has changed.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public ValueTask<AsyncWriteLock> WriteLockAsync(
            TimeSpan? timeout = null, bool repair = false, CancellationToken cancellationToken = default) =>
            WriteLockAsyncAt(NativeLock.Own, timeout, repair, cancellationToken);

        internal async ValueTask<AsyncReadLock> ReadLockAsyncAt(ulong at, TimeSpan? timeout, CancellationToken cancellationToken)
        {
            var owner = LockOwner.New();
            var result = await Retrying.Of(_section, at, Attempt, timeout, cancellationToken).ConfigureAwait(false);
            if (!result.IsOk)
                throw Failure(result, at, "lock for reading");
            return new AsyncReadLock(new AsyncLock(this, owner, new HeldLock(_section, at, isWrite: false)));

            NativeResult Attempt()
            {
                using (owner.Act())
                    return LockRead(at, TimeSpan.Zero, cancellationToken);
            }
        }

        internal async ValueTask<AsyncWriteLock> WriteLockAsyncAt(
            ulong at, TimeSpan? timeout, bool repair, CancellationToken cancellationToken)
        {
            var owner = LockOwner.New();
            var result = await Retrying.Of(_section, at, Attempt, timeout, cancellationToken).ConfigureAwait(false);
            if (!IsTaken(result, repair))
                throw Failure(result, at, "lock for writing");
            return new AsyncWriteLock(
                new AsyncLock(this, owner, new HeldLock(_section, at, isWrite: true)), IsOfTheDead(result));

            NativeResult Attempt()
            {
                using (owner.Act())
                    return LockWrite(at, TimeSpan.Zero, repair, cancellationToken);
            }
        }
    }
}
