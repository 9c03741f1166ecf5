using System;

namespace Wmmf
{
    // Owns a native handle. It is closed when this has been disposed and no call, view, frame or wait uses it any more.
    //
    // Its finalizer closes the handle of a forgotten object, but only if nothing that could have handed out a span still
    // counts as in use: views and frames keep it until they are disposed, never until they are collected.
    internal sealed class SectionHandle : MappedHandle
    {
        private volatile bool _isRefused;
        private readonly ResizeGate? _gate;

        // One that watches over no frame now.
        internal Watch? SpareWatch;

        // Frames that this object was given, and those of them that are over; how many it had been given when the collector was
        // last called for their sake.
        internal int Given, Over, GivenWhenCollected;

        internal SectionHandle(IntPtr native, bool isChannel, string name, bool canBeResized = false) : base(native, name)
        {
            IsChannel = isChannel;
            _gate = canBeResized ? new ResizeGate() : null;
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
            _gate?.Enter();
            try
            {
                base.Retain();
            }
            catch (ObjectDisposedException)
            {
                _gate?.Leave();
                throw;
            }
        }

        internal override void Release()
        {
            base.Release();
            _gate?.Leave();
        }

        // Calls something while nothing else uses the memory; null: something does.
        internal int? Alone(Func<IntPtr, int> call)
        {
            if (_isRefused)
                throw Refusal();
            if (_gate?.TryClose() == false)
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
                _gate?.Open();
            }
        }

        // Refuses further use and ends the waits; the native handle stays open for those who keep it.
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

        // As Retain, also if it is refused; false if it is closed.
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
                // While others keep it, SafeHandle itself would still let us in.
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
