# Writes the tables as one C++ source: data_files() of include/magnu/core/data.hpp.
list(SORT TABLES)
set(text "#include \"magnu/core/data.hpp\"\n\nnamespace magnu {\n\n")
string(APPEND text
  "const std::vector<std::pair<std::string, std::string_view>>& data_files() {\n"
  "  static const std::vector<std::pair<std::string, std::string_view>> files{\n")
foreach(table IN LISTS TABLES)
  get_filename_component(name ${table} NAME)
  file(READ ${table} content)
  string(APPEND text "      {\"${name}\", R\"~table~(${content})~table~\"},\n")
endforeach()
string(APPEND text "  };\n  return files;\n}\n\n}  // namespace magnu\n")
file(WRITE ${OUTPUT} "${text}")
