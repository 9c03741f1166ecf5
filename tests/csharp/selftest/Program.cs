// The C# layer against its documentation. Without arguments runs the tests, or those whose class is named; "layout" prints
// sizes and offsets as JSON; "no-library" runs where there is no native library.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using Wmmf;
using static Checks;
using System.Reflection;

internal static class Program
{
    private static int Main(string[] arguments)
    {
        if (arguments.Length == 1 && arguments[0] == "layout")
        {
            Console.WriteLine(LayoutAsJson());
            return 0;
        }
        if (arguments.Length == 1 && arguments[0] == "no-library")
        {
            Throws<DllNotFoundException>(() => MemoryMappedFile.Open("any"));
            Throws<DllNotFoundException>(() => MemoryMappedFile.Create("any", 1));
            return 0;
        }
        var passed = 0;
        var failed = 0;
        foreach (var test in Tests(arguments.FirstOrDefault()))
        {
            try
            {
                test.Invoke(null, null);
                passed++;
            }
            catch (TargetInvocationException error)
            {
                failed++;
                Console.WriteLine($"{test.Name}: {error.InnerException}");
            }
        }
        Console.WriteLine($"{passed} passed, {failed} failed");
        return failed == 0 ? 0 : 1;
    }

    private static IEnumerable<MethodInfo> Tests(string? only) =>
        from type in typeof(Program).Assembly.GetTypes()
        where type.Name.EndsWith("Tests", StringComparison.Ordinal)
        from method in type.GetMethods(BindingFlags.NonPublic | BindingFlags.Static)
        where method.Name.StartsWith("Test", StringComparison.Ordinal)
        where only == null || only == type.Name || only == method.Name
        where OperatingSystem.IsWindows() || !method.Name.StartsWith("TestOnWindows", StringComparison.Ordinal)
        where OperatingSystem.IsLinux() || !method.Name.StartsWith("TestOnLinux", StringComparison.Ordinal)
        select method;

    private static string LayoutAsJson()
    {
        var structs = typeof(MemoryMappedFile).Assembly.GetTypes()
            .Where(type => type.IsValueType && type.Name.StartsWith("wmmf_", StringComparison.Ordinal));
        return "{" + string.Join(", ", structs.Select(type =>
        {
            var fields = type.GetFields().Select(field => $"\"{field.Name}\": {Marshal.OffsetOf(type, field.Name)}");
            return $"\"{type.Name}\": {{\"sizeof\": {Marshal.SizeOf(type)}, {string.Join(", ", fields)}}}";
        })) + "}";
    }
}
