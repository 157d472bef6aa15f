# The functions that declare what the project is built of. Each folder of lib/ is one clip_library;
# what it depends on is said there, once, and nowhere else.

# clip_library(NAME [DIRECTORY dir] [NOT_FUZZED] [HEADERS h...] SOURCES f... [DEPENDS name...]
#              [LIBRARIES target...])
#
# A static library clip_NAME out of one folder. HEADERS are its public headers, in lib/include/clip;
# all others are private to the project. It sees the headers of the folders that it DEPENDS on, and of
# those that they depend on, and no others: every folder has an include root of its own (a link in
# the build folder), so a forbidden include does not compile. NOT_FUZZED: it parses nothing, and is not
# instrumented for tests/fuzz.
function(clip_library name)
  cmake_parse_arguments(ARG "NOT_FUZZED" "DIRECTORY" "HEADERS;SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  if(NOT ARG_DIRECTORY)
    set(ARG_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  endif()
  set(root ${PROJECT_BINARY_DIR}/include-roots/${name})
  file(REMOVE_RECURSE ${root})
  file(MAKE_DIRECTORY ${root}/clip)
  file(CREATE_LINK ${ARG_DIRECTORY} ${root}/${name} SYMBOLIC)
  foreach(header ${ARG_HEADERS})
    file(CREATE_LINK ${PROJECT_SOURCE_DIR}/lib/include/clip/${header} ${root}/clip/${header} SYMBOLIC)
  endforeach()
  add_library(clip_${name} STATIC ${ARG_SOURCES})
  target_include_directories(clip_${name} PUBLIC ${root})
  list(TRANSFORM ARG_DEPENDS PREPEND clip_)
  target_link_libraries(clip_${name} PUBLIC ${ARG_DEPENDS} ${ARG_LIBRARIES} PRIVATE clip_flags)
  set_target_properties(clip_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  if(NOT ARG_NOT_FUZZED)
    set_target_properties(clip_${name} PROPERTIES CLIP_FUZZED ON)
  endif()
  set_property(GLOBAL APPEND PROPERTY CLIP_PUBLIC_HEADERS ${ARG_HEADERS})
endfunction()

# clip_embed(TARGET SYMBOL FILE...)
#
# Puts files into a target's read-only data, as a table of clip::EmbeddedFile (base/embedded_file.h)
# from SYMBOL to SYMBOL_end. Each has its file's name without the ending. A file may be what another
# target builds.
function(clip_embed target symbol)
  set(texts "")
  set(table "")
  set(number 0)
  foreach(file ${ARGN})
    get_filename_component(name "${file}" NAME_WE)
    math(EXPR number "${number} + 1")
    set(label ".L${symbol}_${number}")
    string(APPEND texts "${label}_name: .asciz \"${name}\"\n    .balign 64\n"
           "${label}: .incbin \"${file}\"\n${label}_end:\n    .byte 0\n")
    string(APPEND table "    .quad ${label}_name, ${label}, ${label}_end\n")
  endforeach()
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${symbol}.S)
  file(GENERATE OUTPUT ${source} CONTENT
"    .section .rodata
${texts}    .section .data.rel.ro, \"aw\"
    .balign 8
    .global ${symbol}, ${symbol}_end
    .hidden ${symbol}, ${symbol}_end
${symbol}:
${table}${symbol}_end:
    .section .note.GNU-stack, \"\", %progbits
")
  set_source_files_properties(${source} PROPERTIES GENERATED ON OBJECT_DEPENDS "${ARGN}")
  target_sources(${target} PRIVATE ${source})
endfunction()

# clip_module(NAME INTO target [COMPONENT component] SOURCES f... LIBRARIES target...)
#
# A shared object that a program opens when it first needs it (base/module.h), for libraries that are
# too heavy to be loaded at every start. It is embedded in `target`, as symbol NAME. With
# CLIP_SEPARATE_MODULES, one that has a COMPONENT is installed as a file of that component instead, and
# the name of its package is embedded.
function(clip_module name)
  cmake_parse_arguments(ARG "" "INTO;COMPONENT" "SOURCES;LIBRARIES" ${ARGN})
  set(version ${PROJECT_BINARY_DIR}/module_version.cpp)
  configure_file(${PROJECT_SOURCE_DIR}/lib/cmake/module_version.cpp.in ${version} @ONLY)
  add_library(${name} MODULE ${ARG_SOURCES} ${version})
  target_link_libraries(${name} PRIVATE ${ARG_LIBRARIES} clip_flags)
  # Its own copy of what it shares with the program, and nothing of it visible but the entry.
  target_link_options(${name} PRIVATE -Wl,--exclude-libs,ALL)
  set_target_properties(${name} PROPERTIES PREFIX ""
                        LIBRARY_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
  if(CLIP_SEPARATE_MODULES AND ARG_COMPONENT)
    file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/packages/${name}.txt
         CONTENT "${PROJECT_NAME}-${ARG_COMPONENT}")
    clip_embed(${ARG_INTO} ${name} ${CMAKE_CURRENT_BINARY_DIR}/packages/${name}.txt)
    install(TARGETS ${name} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/clip-cli
            COMPONENT ${ARG_COMPONENT})
  else()
    clip_embed(${ARG_INTO} ${name} ${CMAKE_CURRENT_BINARY_DIR}/${name}.so)
    add_dependencies(${ARG_INTO} ${name})
  endif()
endfunction()
