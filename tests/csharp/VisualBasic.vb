' What Visual Basic can call, which knows neither spans nor the constraint "unmanaged".
Option Strict On
Imports System
Imports System.IO
Imports Wmmf

Friend Module VisualBasic
    Friend Function Main() As Integer
        Dim id = Environment.ProcessId
        Dim bytes As Byte() = {1, 2, 3}
        Using file = MemoryMappedFile.Create("vb-" & id, 100)
            file.Write(data:=bytes)
            file.Write(data:=bytes, offset:=3)
            Dim back(5) As Byte
            file.Read(back)
            file.EnterWriteLock()
            Try
                Using view = file.View(0, 3)
                    bytes.CopyTo(view.Memory)
                End Using
            Finally
                file.ExitWriteLock()
            End Try
            Using writer = New BinaryWriter(file.CreateStream(8, 8))
                writer.Write(42L)
            End Using
            file.Read(bytes, 8)
            If back(5) <> 3 OrElse bytes(0) <> 42 Then Return 1
        End Using
        Using channel = FrameChannel.Create("vb-c-" & id, 100)
            channel.Publish(bytes, 1, 1, 3, FourCC.Bgr24, bytes)
            Using frame = channel.Latest()
                If frame.Data.ToArray()(0) <> 42 OrElse frame.User.ToArray().Length <> 3 Then Return 2
            End Using
            Using slot = channel.Begin()
                bytes.CopyTo(slot.Memory)
                slot.Size = 3
                slot.SetUser(bytes)
                slot.Publish()
            End Using
            Dim nextFrame As Frame = Nothing
            If Not channel.TryNext(nextFrame) Then Return 3
            nextFrame.Dispose()
            channel.Publish(bytes)
            channel.ReadInto(New Byte(99) {})
        End Using
        Console.WriteLine("fine")
        Return 0
    End Function
End Module
