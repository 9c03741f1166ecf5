using System;
using System.Collections.Generic;

namespace Wmmf
{
    /// <summary>A pixel format: four characters, such as "BGR3", "GREY" or "NV12".</summary>
    public readonly struct FourCC : IEquatable<FourCC>
    {
        private static readonly Dictionary<FourCC, uint> PixelSizes = new Dictionary<FourCC, uint>
        {
            [new FourCC("BGR3")] = 3,
            [new FourCC("RGB3")] = 3,
            [new FourCC("BGRA")] = 4,
            [new FourCC("RGBA")] = 4,
            [new FourCC("YUYV")] = 2,
            [new FourCC("UYVY")] = 2,
            [new FourCC("Y16")] = 2,
            [new FourCC("MJPG")] = 0,
        };

        /// <summary>From up to four ASCII characters; shorter ones are filled with spaces.</summary>
        /// <exception cref="ArgumentException">It is longer, or not ASCII.</exception>
        public FourCC(string text)
        {
            if (text == null)
                throw new ArgumentNullException(nameof(text));
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

        internal FourCC(uint code) => Code = code;

        /// <summary>The first character in the lowest byte; 0: not told.</summary>
        public uint Code { get; }

        /// <summary>Bytes that a pixel takes in its row, 0 if there are no rows; of other formats at least 1.</summary>
        internal uint PixelSize => PixelSizes.TryGetValue(this, out var size) ? size : 1;

        /// <summary>The characters; empty if not told.</summary>
        public override string ToString() => Code == 0
            ? ""
            : new string(new[] { (char)(Code & 255), (char)(Code >> 8 & 255), (char)(Code >> 16 & 255), (char)(Code >> 24) });

        /// <inheritdoc/>
        public bool Equals(FourCC other) => Code == other.Code;

        /// <inheritdoc/>
        public override bool Equals(object? other) => other is FourCC fourCC && Equals(fourCC);

        /// <inheritdoc/>
        public override int GetHashCode() => (int)Code;

        /// <summary>Whether they are the same.</summary>
        public static bool operator ==(FourCC left, FourCC right) => left.Equals(right);

        /// <summary>Whether they differ.</summary>
        public static bool operator !=(FourCC left, FourCC right) => !left.Equals(right);
    }
}
