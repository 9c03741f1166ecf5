// .NET runs this before a program's Main when DOTNET_STARTUP_HOOKS names the assembly. Only for tests under Wine.
using System;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;

internal static class StartupHook
{
    [DllImport("exceptions_under_wine")]
    private static extern int cure_exceptions();

    public static void Initialize()
    {
        if (cure_exceptions() == 0)
            throw new InvalidOperationException("cannot install the exception handler for Wine");

        // Through pipes a program speaks UTF-8, as it does on Linux, not the Windows code page.
        var utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        Console.SetIn(new StreamReader(Console.OpenStandardInput(), utf8));
        Console.SetOut(new StreamWriter(Console.OpenStandardOutput(), utf8) { AutoFlush = true });
        Console.SetError(new StreamWriter(Console.OpenStandardError(), utf8) { AutoFlush = true });
    }
}
