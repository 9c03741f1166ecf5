using System.Threading;
using System.Threading.Tasks;

namespace Wmmf
{
    // Which task took a lock. Tasks take turns on a thread, and none may use the lock of another as its own.
    //
    // A lock that may be held over an await has a token, which goes with the task over each await, into what it calls and into
    // what it starts. A block that allows no await has one only where a message loop may run other tasks inside: a token takes
    // 96 bytes. Elsewhere only tasks that run in place of waiting for them get inside, and those have a number.
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

        // That of the task that runs here.
        internal static object? RunningToken
        {
            get => s_running.Value;
            set => s_running.Value = value;
        }

        internal static bool NeedsToken(bool isScope) => !isScope || SynchronizationContext.Current != null;
    }
}
