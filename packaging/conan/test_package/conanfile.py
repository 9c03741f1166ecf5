"""A program that has nothing but the package."""

from pathlib import Path

from conan import ConanFile
from conan.tools.build import can_run
from conan.tools.cmake import CMake, cmake_layout


class WmmfTest(ConanFile):
    """Builds tests/c/external and runs it."""

    settings = "os", "arch", "compiler", "build_type"
    generators = "CMakeDeps", "CMakeToolchain"

    def requirements(self):
        """The package under test."""
        self.requires(self.tested_reference_str)

    def layout(self):
        """As CMake has it."""
        cmake_layout(self)

    def build(self):
        """Configure and build."""
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def test(self):
        """Run the program in C, which makes a section and reads it."""
        if can_run(self):
            self.run(f'"{Path(self.build_folder, "program-c")}" wmmf-conan', env="conanrun")
