// A C# compiler around the Roslyn libraries: takes csc's options, prints diagnostics as csc does.
// It is itself compiled by mcs against .NET 8, and mcs cannot read a method that has an overload taking a
// ReadOnlySpan: hence no string concatenation, no Linq and no TextWriter here.
using System;
using System.Collections.Generic;
using System.IO;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Text;

static class Driver
{
    static int Main(string[] args)
    {
        string here = Directory.GetCurrentDirectory();
        CSharpCommandLineArguments options = CSharpCommandLineParser.Default.Parse(args, here, null, null);
        return ReportErrors(options.Errors) || !Compile(options) ? 1 : 0;
    }

    static bool Compile(CSharpCommandLineArguments options)
    {
        var trees = new List<SyntaxTree>();
        foreach (CommandLineSourceFile file in options.SourceFiles)
            using (Stream stream = File.OpenRead(file.Path))
                trees.Add(CSharpSyntaxTree.ParseText(SourceText.From(stream, canBeEmbedded: true), options.ParseOptions, file.Path));

        var references = new List<MetadataReference>();
        foreach (CommandLineReference reference in options.MetadataReferences)
            references.Add(MetadataReference.CreateFromFile(reference.Reference, reference.Properties));

        var settings = options.CompilationOptions.WithStrongNameProvider(new DesktopStrongNameProvider(options.KeyFileSearchPaths));
        var compilation = CSharpCompilation.Create(options.CompilationName, trees, references, settings);
        using (Stream assembly = new MemoryStream(), documentation = new MemoryStream())
        {
            var result = compilation.Emit(assembly, xmlDocumentationStream: documentation, options: options.EmitOptions);
            if (ReportErrors(result.Diagnostics) || !result.Success)
                return false;
            Save(assembly, Path.Combine(options.OutputDirectory, options.OutputFileName));
            if (options.DocumentationPath != null)
                Save(documentation, options.DocumentationPath);
        }
        return true;
    }

    static void Save(Stream content, string path)
    {
        content.Position = 0;
        using (Stream file = File.Create(path))
            content.CopyTo(file);
    }

    static bool ReportErrors(IEnumerable<Diagnostic> diagnostics)
    {
        bool failed = false;
        foreach (Diagnostic diagnostic in diagnostics)
        {
            if (diagnostic.Severity >= DiagnosticSeverity.Warning && !diagnostic.IsSuppressed)
                Console.WriteLine(diagnostic);
            failed |= diagnostic.Severity == DiagnosticSeverity.Error;
        }
        return failed;
    }
}
