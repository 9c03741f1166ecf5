"""The recipe of the Conan package wmmf. ``./run dist`` makes a folder of it with the sources beside it."""

from pathlib import Path

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load


class Wmmf(ConanFile):
    """The C library, shared or static."""

    name = "wmmf"
    license = "MIT"
    description = "Named shared memory with a lock inside, for programs in any language"
    topics = ("shared-memory", "ipc", "camera")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "fPIC": [True, False]}  # noqa: RUF012 (Conan's own form)
    default_options = {"shared": True, "fPIC": True}  # noqa: RUF012
    implements = ["auto_shared_fpic"]  # noqa: RUF012
    exports_sources = "LICENSE", "csrc/*"

    def set_version(self):
        """The release of the C sources."""
        self.version = load(self, Path(self.recipe_folder, "csrc/VERSION")).strip()

    def configure(self):
        """It is C: no C++ library, no C++ standard."""
        self.settings.rm_safe("compiler.libcxx")
        self.settings.rm_safe("compiler.cppstd")

    def layout(self):
        """The CMake project is in csrc."""
        cmake_layout(self, src_folder="csrc")

    def generate(self):
        """The toolchain file; BUILD_SHARED_LIBS comes with it."""
        CMakeToolchain(self).generate()

    def build(self):
        """Configure and build."""
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        """Install, and the licence."""
        CMake(self).install()
        copy(self, "LICENSE", Path(self.source_folder).parent, Path(self.package_folder, "licenses"))

    def package_info(self):
        """What a program that links it needs."""
        self.cpp_info.libs = ["wmmf"]
        self.cpp_info.set_property("cmake_file_name", "wmmf")
        self.cpp_info.set_property("cmake_target_name", "wmmf::wmmf")
        self.cpp_info.set_property("pkg_config_name", "wmmf")
        if not self.options.shared:
            self.cpp_info.defines = ["WMMF_STATIC"]
            if self.settings.os == "Windows":
                self.cpp_info.system_libs = ["advapi32"]
