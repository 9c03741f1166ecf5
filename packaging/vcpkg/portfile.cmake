# An overlay port: vcpkg install wmmf --overlay-ports=FOLDER_OF_THIS_PORT. The sources lie beside this file.
set(SOURCE_PATH "${CURRENT_PORT_DIR}/source")

vcpkg_cmake_configure(SOURCE_PATH "${SOURCE_PATH}/csrc")
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/wmmf)
vcpkg_fixup_pkgconfig()
vcpkg_copy_pdbs()

file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include")
file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
