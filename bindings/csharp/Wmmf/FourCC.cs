using System;
using System.Diagnostics;

namespace Wmmf
{
    /// <summary>A pixel format: four characters, such as "BGR3". The well-known ones are constants here. Any other is
    /// passed on unchanged, and the library assumes nothing about its rows.</summary>
    /// <example><code>
    /// channel.Publish(picture, 640, 480, fourCC: FourCC.Bgr24);
    /// </code></example>
    [DebuggerDisplay("{ToString(),nq}")]
    public readonly struct FourCC : IEquatable<FourCC>
    {
        /// <summary>"BGR3": blue, green and red, a byte each, as in OpenCV.</summary>
        public static readonly FourCC Bgr24 = new FourCC("BGR3");

        /// <summary>"RGB3": red, green and blue, a byte each.</summary>
        public static readonly FourCC Rgb24 = new FourCC("RGB3");

        /// <summary>"BGRA": blue, green, red and alpha, a byte each.</summary>
        public static readonly FourCC Bgra32 = new FourCC("BGRA");

        /// <summary>"RGBA": red, green, blue and alpha, a byte each.</summary>
        public static readonly FourCC Rgba32 = new FourCC("RGBA");

        /// <summary>"GREY": a byte of brightness.</summary>
        public static readonly FourCC Gray8 = new FourCC("GREY");

        /// <summary>"Y16 ": 16 bits of brightness, the lower byte first.</summary>
        public static readonly FourCC Gray16 = new FourCC("Y16 ");

        /// <summary>"YUYV": two pixels in four bytes.</summary>
        public static readonly FourCC Yuyv = new FourCC("YUYV");

        /// <summary>"UYVY": two pixels in four bytes.</summary>
        public static readonly FourCC Uyvy = new FourCC("UYVY");

        /// <summary>"NV12": a plane of brightness, then one of colours of 2 x 2 pixels.</summary>
        public static readonly FourCC Nv12 = new FourCC("NV12");

        /// <summary>"NV21": as <see cref="Nv12"/>, with the two colours in the opposite order.</summary>
        public static readonly FourCC Nv21 = new FourCC("NV21");

        /// <summary>"I420": three planes, the two of colours with a quarter of the pixels.</summary>
        public static readonly FourCC I420 = new FourCC("I420");

        /// <summary>"YV12": as <see cref="I420"/>, with the two colours in the opposite order.</summary>
        public static readonly FourCC Yv12 = new FourCC("YV12");

        /// <summary>"MJPG": a JPEG picture; it has no rows.</summary>
        public static readonly FourCC Mjpeg = new FourCC("MJPG");

        /// <summary>A format from up to four ASCII characters; missing ones become spaces.</summary>
        /// <param name="text">The characters; empty: unknown.</param>
        /// <exception cref="ArgumentException">It is longer, or not ASCII.</exception>
        public FourCC(string text)
        {
            Arguments.NotNull(text, nameof(text));
            if (text.Length > 4)
                throw new ArgumentException($"'{text}': expected up to four characters", nameof(text));
            uint code = 0;
            for (var i = 0; i < 4 && text.Length > 0; i++)
            {
                var character = i < text.Length ? text[i] : ' ';
                if (character == 0 || character > 127)
                    throw new ArgumentException($"'{text}': expected ASCII characters", nameof(text));
                code |= (uint)character << (8 * i);
            }
            Code = code;
        }

        /// <summary>A format from its number, as other libraries use it.</summary>
        /// <param name="code">The first character in the lowest byte; 0: unknown.</param>
        public FourCC(uint code) => Code = code;

        /// <summary>The first character in the lowest byte; 0: unknown.</summary>
        public uint Code { get; }

        /// <summary>The characters.</summary>
        /// <returns>Four of them; none if unknown.</returns>
        public override string ToString() => Code == 0
            ? ""
            : new string(new[] { (char)(Code & 255), (char)(Code >> 8 & 255), (char)(Code >> 16 & 255), (char)(Code >> 24) });

        /// <inheritdoc/>
        public bool Equals(FourCC other) => Code == other.Code;

        /// <inheritdoc/>
        public override bool Equals(object? obj) => obj is FourCC other && Equals(other);

        /// <inheritdoc/>
        public override int GetHashCode() => (int)Code;

        /// <summary>Whether they are the same.</summary>
        /// <param name="left">One format.</param>
        /// <param name="right">Another format.</param>
        /// <returns>True if they are the same.</returns>
        public static bool operator ==(FourCC left, FourCC right) => left.Equals(right);

        /// <summary>Whether they differ.</summary>
        /// <param name="left">One format.</param>
        /// <param name="right">Another format.</param>
        /// <returns>True if they differ.</returns>
        public static bool operator !=(FourCC left, FourCC right) => !left.Equals(right);
    }
}
