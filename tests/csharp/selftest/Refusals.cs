// Every public call with arguments that it cannot take, and after Dispose. The calls are found by reflection, so that a new one
// is tried as well.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Reflection.Emit;
using System.Threading.Tasks;
using Wmmf;
using static Checks;

internal static class RefusalsTests
{
    // Calls a method with these arguments, releases what it holds, and waits for it if it is asynchronous.
    private delegate void Call(object? target, object?[] arguments);

    internal static void TestWrongArgumentsAreNamed()
    {
        var wrong = new List<string>();
        var tried = 0;
        foreach (var type in typeof(MemoryMappedFile).Assembly.GetTypes().Where(type => type.IsPublic && !type.IsEnum))
            foreach (var method in Closed(type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly)))
                tried += Try(() => null, method, wrong);
        foreach (var make in Makers())
        {
            var (live, owner) = make();
            using (owner)
                foreach (var method in MethodsOf(live))
                    tried += Try(() => live, method, wrong);
        }
        Check(tried > 300 && wrong.Count == 0, $"{tried} tried: {string.Join(Environment.NewLine, wrong)}");
    }

    internal static void TestNothingWorksAfterDispose()
    {
        string[] allowed =
        [
            "Dispose", "DisposeAsync", "Close", "ToString", "get_Name", "get_IsReadOnly", "get_Layout", "get_Size", "get_Reserved", "get_IsLocked",
            "get_SectionPageSize", "get_Record", "get_OwnerDied", "get_IsInPlace", "get_Length", "get_CanRead", "get_CanSeek", "get_CanWrite", "SetLength", "Unpin",
            "get_File", "get_Offset", "get_LastSequence",
        ];
        var wrong = new List<string>();
        foreach (var make in Makers())
        {
            var (disposed, owner) = make();
            owner.Dispose();
            foreach (var method in MethodsOf(disposed).Where(method => !allowed.Contains(method.Name) && !IsDescription(method)))
            {
                var error = ErrorOf(disposed, method, method.GetParameters().Select(Right).ToArray());
                if (error is not (InvalidOperationException or ArgumentException or IWmmfError { Status: WmmfStatus.NotOwner }))
                    wrong.Add($"{Signature(method)}: {error?.GetType().Name ?? "nothing"}");
            }
        }
        Check(wrong.Count == 0, string.Join(Environment.NewLine, wrong));
    }

    internal static void TestDisposedObjectsStillSayWhatTheyAre()
    {
        foreach (var make in Makers())
        {
            var (disposed, owner) = make();
            owner.Dispose();
            Check(disposed.ToString()!.Length != 0 && disposed.Equals(disposed), disposed.GetType().Name);
            _ = disposed.GetHashCode();
        }
    }

    // Each makes something to call, and what ends it.
    private static IEnumerable<Func<(object, IDisposable)>> Makers()
    {
        static MemoryMappedFile File() => MemoryMappedFile.Create(NewName(), 192, locks: 1);

        static (object, IDisposable) Itself(IDisposable one) => (one, one);

        static FrameChannel Channel()
        {
            var channel = FrameChannel.Create(NewName(), 100);
            channel.Publish(new byte[10], 5, 2, 0, FourCC.Gray8);
            return channel;
        }

        yield return () => Itself(File());
        yield return () => Itself(Channel());
        yield return () => Itself(Channel().Latest());
        yield return () => Itself(Channel().Begin());
        yield return () => Itself(File().View());
        yield return () => Itself(File().MapWindow(0, 100));
        yield return () => Itself(MemoryMappedFile.CreateUnnamed(100));
        yield return () => Itself(File().ReadLockAsync().Result);
        yield return () => Itself(File().WriteLockAsync().Result);
        yield return () => Itself(File().CreateStream());
        yield return () => (default(PayloadLock), File());
        yield return () =>
        {
            var file = File();
            return (file.LockAt(0), file);
        };
        yield return () =>
        {
            var channel = Channel();
            return (channel.CreateReader(), channel);
        };
    }

    // What describes a frame stays valid after it.
    private static bool IsDescription(MethodInfo method) =>
        method.DeclaringType == typeof(FrameInfo)
        || (method.DeclaringType == typeof(NewFrame) && (method.IsSpecialName || method.Name.StartsWith("Set", StringComparison.Ordinal)));

    private static IEnumerable<MethodInfo> MethodsOf(object one) =>
        Closed(one.GetType().GetMethods(BindingFlags.Public | BindingFlags.Instance))
            .Where(method => method.DeclaringType!.Assembly == typeof(MemoryMappedFile).Assembly);

    private static IEnumerable<MethodInfo> Closed(IEnumerable<MethodInfo> methods) =>
        methods.Select(method => method.IsGenericMethodDefinition ? method.MakeGenericMethod(typeof(long)) : method);

    // How many wrong arguments there were for the parameters of this method. Adds every result other than a refusal
    // that names one.
    private static int Try(Func<object?> target, MethodInfo method, List<string> wrong)
    {
        var parameters = method.GetParameters();
        var tried = 0;
        for (var i = 0; i < parameters.Length; i++)
            foreach (var value in Wrong(parameters[i]))
            {
                var arguments = parameters.Select(Right).ToArray();
                arguments[i] = value;
                tried++;
                var error = ErrorOf(target(), method, arguments);
                var isNamed = error is ArgumentException told && parameters.Any(one => one.Name == told.ParamName)
                    && (error is not ArgumentOutOfRangeException range || range.ActualValue != null);
                if (!isNamed && error is not (IWmmfError or NotSupportedException or InvalidOperationException))
                    wrong.Add($"{Signature(method)}, {parameters[i].Name} {value ?? "null"}: {error?.ToString() ?? "nothing"}");
            }
        return tried;
    }

    private static string Signature(MethodInfo method) =>
        $"{method.DeclaringType!.Name}.{method.Name}({string.Join(", ", method.GetParameters().Select(one => one.Name))})";

    private static Exception? ErrorOf(object? target, MethodInfo method, object?[] arguments)
    {
        try
        {
            Compiled(method)(target, arguments);
            return null;
        }
        catch (Exception error)
        {
            return error;
        }
    }

    // Values that no call accepts.
    private static object?[] Wrong(ParameterInfo parameter)
    {
        var type = parameter.ParameterType;
        if (type == typeof(string))
            return IsOptional(parameter) ? ["\0", "\ud800"] : [null, "\0", "\ud800"];
        if (type == typeof(int))
            return parameter.Name == "length" ? [-2, int.MinValue] : [-1, int.MinValue];
        if (type == typeof(long))
            return parameter.Name == "length" ? [-2L, long.MinValue] : [-1L, long.MinValue];
        if (type.IsEnum)
            return [Enum.ToObject(type, 99), Enum.ToObject(type, int.MinValue)];
        if (type == typeof(TimeSpan) || type == typeof(TimeSpan?))
            return [TimeSpan.MinValue, TimeSpan.FromTicks(-1)];
        if (type == typeof(IntPtr))
            return [IntPtr.Zero];
        return type.IsClass && !type.IsByRef && !type.IsByRefLike ? [null] : [];
    }

    private static bool IsOptional(ParameterInfo parameter) => parameter is { HasDefaultValue: true, DefaultValue: null };

    // A value that the parameter can have; that of a span is its array.
    private static object? Right(ParameterInfo parameter)
    {
        var type = parameter.ParameterType;
        if (type == typeof(TimeSpan?))
            return TimeSpan.Zero;
        if (parameter is { HasDefaultValue: true, DefaultValue: not null } && !type.IsEnum)
            return parameter.DefaultValue;
        if (type == typeof(string))
            return IsOptional(parameter) ? null : NewName();
        if (type == typeof(IntPtr))
            return (IntPtr)1; // there is no object, and no method is called
        if (type.IsArray)
            return Array.CreateInstance(type.GetElementType()!, 4);
        if (type.IsByRefLike)
            return Array.CreateInstance(type.GetGenericArguments()[0], 4);
        if (type == typeof(int) || type == typeof(long))
            return Convert.ChangeType(0, type);
        var plain = type.IsByRef ? type.GetElementType()! : type;
        return plain.IsValueType ? Activator.CreateInstance(plain) : null;
    }

    // Reflection alone cannot call methods with spans.
    private static Call Compiled(MethodInfo method)
    {
        var call = new DynamicMethod("Call", null, [typeof(object), typeof(object[])], typeof(RefusalsTests), skipVisibility: true);
        var code = call.GetILGenerator();
        if (!method.IsStatic)
        {
            code.Emit(OpCodes.Ldarg_0);
            if (method.DeclaringType!.IsValueType)
                code.Emit(OpCodes.Unbox, method.DeclaringType);
        }
        var parameters = method.GetParameters();
        for (var i = 0; i < parameters.Length; i++)
            EmitArgument(code, parameters[i].ParameterType, i);
        code.Emit(method.IsStatic || method.DeclaringType!.IsValueType ? OpCodes.Call : OpCodes.Callvirt, method);
        EmitEnd(code, method.ReturnType);
        code.Emit(OpCodes.Ret);
        return call.CreateDelegate<Call>();
    }

    private static void EmitArgument(ILGenerator code, Type type, int index)
    {
        var plain = type.IsByRef ? type.GetElementType()! : type;
        code.Emit(OpCodes.Ldarg_1);
        code.Emit(OpCodes.Ldc_I4, index);
        code.Emit(OpCodes.Ldelem_Ref);
        if (plain.IsByRefLike)
            code.Emit(OpCodes.Newobj, plain.GetConstructor([plain.GetGenericArguments()[0].MakeArrayType()])!);
        else
            code.Emit(OpCodes.Unbox_Any, plain);
        if (!type.IsByRef)
            return;
        var local = code.DeclareLocal(plain);
        code.Emit(OpCodes.Stloc, local);
        code.Emit(OpCodes.Ldloca, local);
    }

    private static void EmitEnd(ILGenerator code, Type type)
    {
        if (type.IsByRefLike && type.GetMethod("Dispose", Type.EmptyTypes) is { } dispose)
        {
            var local = code.DeclareLocal(type);
            code.Emit(OpCodes.Stloc, local);
            code.Emit(OpCodes.Ldloca, local);
            code.Emit(OpCodes.Call, dispose);
        }
        else if (type.IsByRefLike || type.IsByRef)
        {
            code.Emit(OpCodes.Pop);
        }
        else if (type != typeof(void))
        {
            code.Emit(OpCodes.Box, type);
            code.Emit(OpCodes.Call, typeof(RefusalsTests).GetMethod(nameof(End), BindingFlags.NonPublic | BindingFlags.Static)!);
        }
    }

    private static void End(object? result)
    {
        if (result?.GetType().GetMethod("AsTask") is { } asTask) // a ValueTask
            result = asTask.Invoke(result, null);
        if (result is Task task)
            task.GetAwaiter().GetResult();
        if (result is IAsyncEnumerable<Frame> frames)
            frames.GetAsyncEnumerator().MoveNextAsync().AsTask().GetAwaiter().GetResult();
        (result as IDisposable)?.Dispose();
    }
}
