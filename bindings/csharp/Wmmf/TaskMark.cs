using System.Threading;
using System.Threading.Tasks;

namespace Wmmf
{
    // Identifies the task that took a lock. Tasks take turns on a thread, and none may use the lock of another as its own.
    //
    // A lock that may be held over an await has a token, which follows the task over each await, into the methods that
    // it calls and the tasks that it starts. A token takes 96 bytes, so a block that allows no await has one only if a
    // message loop may run other tasks inside. Elsewhere only tasks that run inline, instead of being waited for, get
    // inside, and those have a number.
    internal readonly struct TaskMark
    {
        private static readonly AsyncLocal<object?> s_running = new AsyncLocal<object?>();

        private readonly int? _task;

        internal TaskMark(object? token)
        {
            Token = token;
            _task = Task.CurrentId;
        }

        internal object? Token { get; }

        // Whether that task runs here.
        internal bool IsRunning => Token == null ? _task == Task.CurrentId : Token == RunningToken;

        // The token of the task that runs here.
        internal static object? RunningToken
        {
            get => s_running.Value;
            set => s_running.Value = value;
        }

        internal static bool NeedsToken(bool isScope) => !isScope || SynchronizationContext.Current != null;
    }
}
