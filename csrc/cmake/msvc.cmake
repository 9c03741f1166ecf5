# What Microsoft's compiler, or clang-cl in its place, needs.
# C4204, C4221: initialisers that are not constant, which cl.exe has had since 2013 and still calls an extension. Without
# them a struct would be declared with nothing in it and filled in later, and a field could be forgotten. pip's build of
# the package compiles at /W3, where they are silent.
target_compile_options(wmmf PRIVATE /W4 /wd4204 /wd4221 /utf-8)
target_compile_options(wmmf PRIVATE /guard:cf)

if(BUILD_SHARED_LIBS AND NOT CMAKE_MSVC_RUNTIME_LIBRARY) # vcpkg and Conan choose one
  # VCRUNTIME140.dll is no part of Windows, and programs in C# or C need not have it: it goes inside. The universal C
  # runtime is a part of Windows, from 10 on.
  set_target_properties(wmmf PROPERTIES MSVC_RUNTIME_LIBRARY "MultiThreaded$<$<CONFIG:Debug>:Debug>")
  target_link_options(wmmf PRIVATE
    $<$<NOT:$<CONFIG:Debug>>:/NODEFAULTLIB:libucrt.lib>
    $<$<NOT:$<CONFIG:Debug>>:/DEFAULTLIB:ucrt.lib>)
endif()

if(BUILD_SHARED_LIBS)
  target_link_options(wmmf PRIVATE
    /guard:cf
    $<$<NOT:$<CONFIG:Debug>>:/INCREMENTAL:NO>
    $<$<NOT:$<CONFIG:Debug>>:/OPT:REF,ICF>
    /PDBALTPATH:%_PDB%) # the name of the PDB, without the folder of who built it
  if(CMAKE_SIZEOF_VOID_P EQUAL 8 AND NOT CMAKE_C_COMPILER_ARCHITECTURE_ID MATCHES "ARM")
    target_link_options(wmmf PRIVATE /CETCOMPAT)
  endif()
endif()
