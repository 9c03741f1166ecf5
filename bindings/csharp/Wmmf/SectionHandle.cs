using System;

namespace Wmmf
{
    // Owns a native handle, which is closed when this was disposed and no call, view, frame or wait uses it any more.
    //
    // The finalizer closes the handle of a forgotten object, but only if nothing that could have handed out a span
    // still counts as used: views and frames keep the handle until they are disposed, even if they are collected
    // before.
    internal sealed class SectionHandle : MappedHandle
    {
        private volatile bool _isRefused;
        private readonly ResizeGate? _resizeGate;

        // A watch without a frame, for reuse.
        internal Watch? SpareWatch;

        // How many frames this object got, how many of them have ended, and how many it had got when the collector was
        // last called for a reader that waits.
        internal int Given, Over, GivenWhenCollected;

        // The collector is called when more frames than this are held.
        internal int HeldLimit = Watch.FirstHeldLimit;

        internal SectionHandle(IntPtr native, bool isChannel, string name, bool canBeResized = false) : base(native, name)
        {
            IsChannel = isChannel;
            _resizeGate = canBeResized ? new ResizeGate() : null;
        }

        // A wmmf_channel, else a wmmf_section.
        internal bool IsChannel { get; }

        // Only for callers that keep this open.
        internal IntPtr Pointer => handle;

        internal bool IsRefused => _isRefused;

        protected override bool ReleaseHandle() =>
            (IsChannel ? NativeMethods.wmmf_channel_close(handle) : NativeMethods.wmmf_close(handle)) == (int)WmmfStatus.Ok;

        internal override void Retain()
        {
            _resizeGate?.Enter();
            try
            {
                base.Retain();
            }
            catch (ObjectDisposedException)
            {
                _resizeGate?.Leave();
                throw;
            }
        }

        internal override void Release()
        {
            base.Release();
            _resizeGate?.Leave();
        }

        // Makes a call while nothing else uses the memory; null: something does.
        internal NativeResult? Alone(Func<IntPtr, NativeResult> call)
        {
            if (_isRefused)
                throw Refusal();
            if (_resizeGate?.TryClose() == false)
                return null;
            try
            {
                base.Retain();
                try
                {
                    return call(handle);
                }
                finally
                {
                    base.Release();
                }
            }
            finally
            {
                _resizeGate?.Open();
            }
        }

        // Refuses further use and ends the waits; the native handle stays open while something retains it.
        internal void Refuse()
        {
            _isRefused = true;
            Dispose();
            Waiter.WakeThoseWith(this);
        }

        internal ObjectDisposedException Refusal() =>
            new ObjectDisposedException(IsChannel ? nameof(FrameChannel) : nameof(MemoryMappedFile));

        // Keeps the native handle open for the length of a call; throws ObjectDisposedException if it is refused.
        internal Use Hold() => new Use(this);

        // Like Retain, but also if it is refused; false if it is closed.
        internal bool TryRetain()
        {
            try
            {
                Retain();
                return true;
            }
            catch (ObjectDisposedException)
            {
                return false;
            }
        }

        internal readonly ref struct Use
        {
            private readonly SectionHandle _owner;

            internal Use(SectionHandle owner)
            {
                _owner = owner;
                // While others retain it, SafeHandle itself would still allow use.
                ThrowIfRefused();
                owner.Retain();
            }

            internal IntPtr Pointer => _owner.handle;

            internal bool IsRefused => _owner._isRefused;

            internal void ThrowIfRefused()
            {
                if (IsRefused)
                    throw _owner.Refusal();
            }

            public void Dispose() => _owner.Release();
        }
    }
}
