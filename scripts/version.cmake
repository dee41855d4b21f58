# Writes version(), commit() and build_description() of include/magnu/version.hpp.
set(commit unknown)
find_program(git git)
if(git)
  # Git looks at nobody else's checkout unasked; what builds one runs its code anyway.
  file(REAL_PATH ${SOURCE} folder)
  execute_process(COMMAND ${git} -c safe.directory=${folder} -C ${folder} describe --always --dirty --abbrev=12 --exclude=*
                  OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(described)
    set(commit ${described})
  endif()
endif()
set(build "${COMPILER}, ${BUILD}")
if(CUDA)
  string(APPEND build ", CUDA ${CUDA}")
endif()
set(text "#include \"magnu/version.hpp\"

namespace magnu {

std::string version() { return \"${VERSION}\"; }
std::string commit() { return \"${commit}\"; }
std::string build_description() { return \"${build}\"; }

}  // namespace magnu
")
set(old "")
if(EXISTS ${OUTPUT})
  file(READ ${OUTPUT} old)
endif()
if(NOT old STREQUAL text)
  file(WRITE ${OUTPUT} "${text}")
endif()
