// Tests of src/cli/words.cc and of the table of commands.
#include <gtest/gtest.h>

#include "../../../src/cli/commands.h"

namespace imgring::cli {
namespace {

std::expected<CommandContext, std::string> parse(const Command& command,
                                                 std::vector<std::string> words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  return parse_words(command, pointers);
}

TEST(Words, FlagsAndArgumentsInAnyOrder) {
  const Command& verify = *find_command("verify");
  for (const auto& words : {std::vector<std::string>{"--env-file", "f", "url"},
                            {"url", "--env-file=f"},
                            {"--env-file=f", "--", "url"}}) {
    const auto context = parse(verify, words);
    ASSERT_TRUE(context.has_value()) << context.error();
    EXPECT_EQ(context->arguments, std::vector<std::string>{"url"});
    EXPECT_EQ(context->flags.at("env-file"), "f");
  }
  EXPECT_EQ(parse(verify, {"--", "--env-file"})->arguments[0], "--env-file");
  EXPECT_EQ(parse(verify, {"-"})->arguments[0], "-");
}

TEST(Words, WhatIsWrongIsSaid) {
  const Command& check = *find_command("check-config");
  EXPECT_NE(parse(check, {"--jsn"}).error().find("did you mean json?"), std::string::npos);
  EXPECT_NE(parse(check, {"-json"}).error().find("unknown flag -json"), std::string::npos);
  EXPECT_NE(parse(check, {"--user"}).error().find("needs a NAME"), std::string::npos);
  EXPECT_NE(parse(check, {"--json=1"}).error().find("takes no value"), std::string::npos);
  EXPECT_NE(parse(check, {"x"}).error().find("too many words"), std::string::npos);
  EXPECT_NE(parse(*find_command("sign"), {}).error().find("PATH is missing"), std::string::npos);
}

TEST(Words, NearOnesAreMeant) {
  const std::string_view names[] = {"sign", "serve", "check-config"};
  EXPECT_EQ(did_you_mean("sgin", names), ", did you mean sign?");
  EXPECT_EQ(did_you_mean("chekc-config", names), ", did you mean check-config?");
  EXPECT_EQ(did_you_mean("entirely-else", names), "");
}

TEST(Words, RowsOfTheTableAreWhole) {
  for (const Command& command : commands()) {
    EXPECT_FALSE(command.help.empty()) << command.name;
    EXPECT_NE(command.run, nullptr) << command.name;
    EXPECT_LE(command.arguments_min, command.arguments_max) << command.name;
    EXPECT_EQ(find_command(command.name), &command);
    EXPECT_NE(usage_text().find(command.help), std::string::npos) << command.name;
    for (const Flag& flag : command.flags) {
      EXPECT_NE(command_text(command).find("--" + std::string(flag.name)), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace imgring::cli
