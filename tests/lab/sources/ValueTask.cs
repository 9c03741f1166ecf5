// A stand-in for the package System.Threading.Tasks.Extensions, which no reachable registry has: ValueTask for .NET
// Standard 2.0, always with a Task behind it. Enough to compile against and to run on Mono; no async method of ours
// returns the one without a result.
using System.Runtime.CompilerServices;

namespace System.Runtime.CompilerServices
{
    [AttributeUsage(AttributeTargets.Struct)]
    public sealed class AsyncMethodBuilderAttribute : Attribute
    {
        public AsyncMethodBuilderAttribute(Type builderType) => BuilderType = builderType;

        public Type BuilderType { get; }
    }

    public struct AsyncValueTaskMethodBuilder<T>
    {
        private AsyncTaskMethodBuilder<T> _builder;

        public static AsyncValueTaskMethodBuilder<T> Create() =>
            new AsyncValueTaskMethodBuilder<T> { _builder = AsyncTaskMethodBuilder<T>.Create() };

        public System.Threading.Tasks.ValueTask<T> Task => new System.Threading.Tasks.ValueTask<T>(_builder.Task);

        public void Start<TMachine>(ref TMachine machine) where TMachine : IAsyncStateMachine => _builder.Start(ref machine);

        public void SetStateMachine(IAsyncStateMachine machine) => _builder.SetStateMachine(machine);

        public void SetResult(T result) => _builder.SetResult(result);

        public void SetException(Exception error) => _builder.SetException(error);

        public void AwaitOnCompleted<TAwaiter, TMachine>(ref TAwaiter awaiter, ref TMachine machine)
            where TAwaiter : INotifyCompletion where TMachine : IAsyncStateMachine => _builder.AwaitOnCompleted(ref awaiter, ref machine);

        public void AwaitUnsafeOnCompleted<TAwaiter, TMachine>(ref TAwaiter awaiter, ref TMachine machine)
            where TAwaiter : ICriticalNotifyCompletion where TMachine : IAsyncStateMachine =>
            _builder.AwaitUnsafeOnCompleted(ref awaiter, ref machine);
    }
}

namespace System.Threading.Tasks
{
    public readonly struct ValueTask
    {
        private readonly Task _task;

        public ValueTask(Task task) => _task = task;

        public bool IsCompleted => _task.IsCompleted;

        public Task AsTask() => _task;

        public TaskAwaiter GetAwaiter() => _task.GetAwaiter();

        public ConfiguredTaskAwaitable ConfigureAwait(bool capture) => _task.ConfigureAwait(capture);
    }

    [AsyncMethodBuilder(typeof(AsyncValueTaskMethodBuilder<>))]
    public readonly struct ValueTask<T>
    {
        private readonly Task<T> _task;

        public ValueTask(T result) => _task = Task.FromResult(result);

        public ValueTask(Task<T> task) => _task = task;

        public bool IsCompleted => _task.IsCompleted;

        public T Result => _task.GetAwaiter().GetResult();

        public Task<T> AsTask() => _task;

        public TaskAwaiter<T> GetAwaiter() => _task.GetAwaiter();

        public ConfiguredTaskAwaitable<T> ConfigureAwait(bool capture) => _task.ConfigureAwait(capture);
    }
}
