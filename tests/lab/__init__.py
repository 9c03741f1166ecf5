"""The test lab: compilers, .NET and a whole Windows, made from packages into a cache folder.

See README.md beside this file. Nothing here is part of the pywinmmf package.
"""
