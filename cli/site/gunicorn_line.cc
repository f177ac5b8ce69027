// SPDX-License-Identifier: Apache-2.0
// Gunicorn or uWSGI in a command line, behind env, poetry, a shell or an
// instrumentation.
#include "cli/site/gunicorn_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/flags/shell_words.h"
#include "cli/site/shell_text.h"

namespace monodon::cli {
namespace {

using Words = std::vector<std::string>;

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

// "gunicorn", "gunicorn3", "gunicorn-3.11"; not gunicorn.conf.py.
bool is_gunicorn(std::string_view word) {
  std::string_view name = base_name(word);
  if (!name.starts_with("gunicorn")) return false;
  name.remove_prefix(8);
  if (name.starts_with('-')) name.remove_prefix(1);
  return name.find_first_not_of("0123456789.") == std::string_view::npos;
}

// "uwsgi", "pyuwsgi", Debian's "uwsgi-core" and "uwsgi_python3".
bool is_uwsgi(std::string_view word) {
  const std::string_view name = base_name(word);
  return name == "uwsgi" || name == "pyuwsgi" || name == "uwsgi-core" ||
         name.starts_with("uwsgi_python");
}

bool is_module(std::string_view word) {
  return word == "gunicorn" || word == "gunicorn.app.wsgiapp" ||
         word == "gunicorn.__main__";
}

bool is_python(std::string_view word) {
  std::string_view name = base_name(word);
  if (name.starts_with("pypy")) return true;
  if (!name.starts_with("python")) return false;
  name.remove_prefix(6);
  return name.find_first_not_of("0123456789.") == std::string_view::npos;
}

// su and runuser hand their text to one.
bool is_shell(std::string_view word) {
  const std::string_view name = base_name(word);
  return name == "su" || name == "runuser" || name == "sh" || name == "bash" ||
         name == "dash" || name == "zsh" || name == "ash";
}

bool changes_user(std::string_view word) {
  return base_name(word) == "su" || base_name(word) == "runuser";
}

// "-c", "-lc", "-ec".
bool runs_text(std::string_view word) {
  return word.size() > 1 && word[0] == '-' && word[1] != '-' && word.ends_with('c');
}

// Whether a command of a shell does something that would be missed.
bool is_work(const Words& command) {
  constexpr std::array<std::string_view, 22> kOfTheShell = {
      ":",    "unset", "cd",     "source", ".",     "set", "echo", "exit",
      "true", "false", "wait",   "trap",   "shift", "fi",  "done", "esac",
      "}",    "local", "return", "printf", "test",  "["};
  return std::find(kOfTheShell.begin(), kOfTheShell.end(), command[0]) ==
             kOfTheShell.end() &&
         !command[0].starts_with("[[") && !command[0].ends_with("()");
}

// Not "[ "$1" = gunicorn ]"; "set -- gunicorn" where nothing else is known.
bool starts_programs(const Words& command, bool sets) {
  return command[0] != "[" && command[0] != "[[" && command[0] != "test" &&
         command[0] != "echo" && (command[0] == "set") == sets;
}

// Of the commands that start Gunicorn the one that is run in any case, or the first
// that is none for development; with the others, for people.
struct Started {
  std::size_t at = 0;
  GunicornLine line;
  Words others;
};
Started find_started(const ShellText& shell, const Variables& known, bool sets) {
  Started started;
  bool sure = false;
  bool for_development = false;
  std::string chosen;
  for (std::size_t i = 0; i < shell.commands.size() && !sure; ++i) {
    if (!starts_programs(shell.commands[i], sets)) continue;
    GunicornLine line = find_gunicorn(shell.commands[i], known);
    if (!line) continue;
    sure = !shell.conditional[i];
    const bool reloads =
        std::find(line.flags.begin(), line.flags.end(), "--reload") != line.flags.end();
    const std::string text = fmt::format("{}", fmt::join(shell.commands[i], " "));
    const bool better = !started.line || sure || (for_development && !reloads);
    if (!better) {
      started.others.push_back(text);
      continue;
    }
    if (started.line) started.others.push_back(chosen);
    started.at = i;
    started.line = std::move(line);
    for_development = reloads;
    chosen = text;
  }
  if (!started.others.empty())
    started.line.told.push_back(fmt::format(
        "conditions say which Gunicorn is started: this is \"{}\"; others are \"{}\": "
        "monodon import takes such a command, too",
        chosen, fmt::join(started.others, "\", \"")));
  return started;
}

// What a shell does before it, for the unit.
void tell_work(const ShellText& shell, std::size_t until, GunicornLine& found) {
  for (std::size_t i = 0; i < until; ++i) {
    const Words& command = shell.commands[i];
    if (!is_work(command) || find_gunicorn(command, {})) continue;
    const std::string text = fmt::format("{}", fmt::join(command, " "));
    found.told.push_back(
        shell.conditional[i]
            ? fmt::format("{}: is run before Gunicorn by a condition of the script; "
                          "where that holds here, ExecStartPre= of the unit",
                          text)
            : fmt::format("{}: is run before Gunicorn: {} of the unit", text,
                          command[0] == "umask"    ? "UMask="
                          : command[0] == "ulimit" ? "LimitNOFILE= and its like"
                                                   : "ExecStartPre="));
  }
}

// A text for a shell, and what of it says where Gunicorn is started and with what.
GunicornLine find_in_shell(const std::string& text, const Variables& known,
                           const Words& arguments, const std::string& script) {
  const ShellText shell = read_shell_text(text, known, arguments, script);
  Started started = find_started(shell, known, false);
  if (!started.line) started = find_started(shell, known, true);
  GunicornLine& found = started.line;
  if (!found) return {};
  std::string directory;
  std::string activated;
  for (std::size_t i = 0; i < started.at; ++i) {
    const Words& command = shell.commands[i];
    const bool plain = command.size() > 1 && command[1].find('$') == std::string::npos;
    if (command[0] == "cd" && plain) directory = path_below(directory, command[1]);
    const bool source = plain && (command[0] == "source" || command[0] == ".");
    if (source && command[1].ends_with("/activate"))
      activated =
          path_below(directory, command[1].substr(0, command[1].size() - 8) + "python");
  }
  tell_work(shell, started.at, found);
  // What only another arm of the condition sets, or a later condition, is not there.
  const Variables& then = shell.known_then[started.at];
  const auto is_elsewhere = [&](const std::string& name) {
    return shell.doubtful.count(name) != 0 &&
           (then.count(name) == 0 || shell.elsewhere[started.at].count(name) != 0);
  };
  for (const auto& [name, value] : shell.exported)
    if (!is_elsewhere(name))
      found.environment.emplace(name, then.count(name) != 0 ? then.at(name) : value);
  for (const auto& [name, value] : shell.doubtful)
    if (!is_elsewhere(name))
      found.told.push_back(fmt::format(
          "{}: a condition of the script sets it; here it is \"{}\"", name, value));
  found.directory =
      found.directory.empty() ? directory : path_below(directory, found.directory);
  // A name without a slash is found in PATH.
  for (std::string* const path : {&found.program, &found.python})
    if (path->find('/') != std::string::npos) *path = path_below(directory, *path);
  if (found.python.empty()) found.python = activated;
  for (const auto& [name, value] : shell.used)
    found.told.push_back(fmt::format(
        "${}: the settings have the value that it has in these files, \"{}\"", name,
        value));
  if (shell.no_arguments)
    found.told.emplace_back(
        "\"$@\": nobody gives arguments to the script here, so it is nothing; monodon "
        "import takes the script with its arguments, too");
  if (shell.redirects)
    found.told.emplace_back(
        "its output is redirected: access_log and error_log name files, or the journal "
        "has it");
  return std::move(found);
}

// "bash -l -c TEXT", "su - user -c TEXT". `around`: what stands before it.
GunicornLine find_behind_shell(const Words& words, std::size_t shell,
                               const GunicornLine& around, Variables known) {
  const auto text =
      std::find_if(words.begin() + static_cast<std::ptrdiff_t>(shell), words.end(),
                   [](const std::string& word) { return runs_text(word); });
  if (text == words.end() || text + 1 == words.end()) return {};
  for (const auto& [name, value] : around.environment) known[name] = value;
  // Behind the text: $0, then the arguments; of su, which takes a user there, none.
  Words arguments;
  const std::string_view program = base_name(words[shell]);
  const bool has_script =
      program != "su" && program != "runuser" && words.end() - text > 2;
  if (has_script) arguments.assign(text + 3, words.end());
  GunicornLine inner =
      find_in_shell(*(text + 1), known, arguments, has_script ? *(text + 2) : "");
  inner.wrapper.insert(inner.wrapper.begin(), around.wrapper.begin(),
                       around.wrapper.end());
  for (const auto& [name, value] : around.environment) {
    inner.environment.emplace(name, value);
  }
  return inner;
}

// "python -u -m gunicorn": -u, -X dev and the like stand before -m.
void use_module(GunicornLine& line) {
  const auto python = std::find_if(line.wrapper.begin(), line.wrapper.end(), is_python);
  if (python != line.wrapper.end()) {
    line.python = *python;
    line.wrapper.erase(python, line.wrapper.end());
  }
  line.program = line.python.empty() ? "gunicorn" : line.python;
}

// "su www -s /bin/sh -c ...": lost, it would leave the site to root.
void tell_user(const Words& words, std::size_t from, GunicornLine& line) {
  std::string left;
  for (std::size_t i = from; i < words.size() && !runs_text(words[i]); ++i)
    left += (left.empty() ? "" : " ") + words[i];
  line.told.push_back(left +
                      ": is left out; name its user, as User= of the unit or as `user:`");
}

}  // namespace

std::string path_below(const std::string& directory, const std::string& path) {
  if (directory.empty() || path.empty() || path[0] == '/' || path[0] == '$')
    return path;
  return directory + (directory.ends_with('/') ? "" : "/") +
         path.substr(path.starts_with("./") ? 2 : 0);
}

GunicornLine find_gunicorn(std::vector<std::string> words, const Variables& known) {
  GunicornLine line;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const bool module = word == "-m" && i + 1 < words.size() && is_module(words[i + 1]);
    if (module) {
      use_module(line);
      line.flags.assign(words.begin() + static_cast<std::ptrdiff_t>(i) + 2,
                        words.end());
      return line;
    }
    if (is_gunicorn(word)) {
      // "python /srv/.venv/bin/gunicorn"
      if (!line.wrapper.empty() && is_python(line.wrapper.back())) {
        line.python = line.wrapper.back();
        line.wrapper.pop_back();
      }
      line.program = word;
      line.flags.assign(words.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                        words.end());
      return line;
    }
    if (is_uwsgi(word)) {
      line.program = word;
      line.uwsgi = true;
      line.flags.assign(words.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                        words.end());
      return line;
    }
    if (is_shell(word)) {
      GunicornLine inner = find_behind_shell(words, i, line, known);
      if (inner && changes_user(word)) tell_user(words, i, inner);
      if (inner) return inner;
    }
    if (is_assignment(word) && !word.starts_with('-')) {
      const std::size_t equals = word.find('=');
      line.environment[word.substr(0, equals)] = word.substr(equals + 1);
    } else {
      line.wrapper.push_back(word);
    }
  }
  return {};
}

std::string interpreter_in(std::string_view script) {
  if (!script.starts_with("#!")) return {};
  const auto take = [&] {
    const std::size_t end = std::min(script.find('\n'), script.size());
    const std::string line{script.substr(0, end)};
    script.remove_prefix(std::min(end + 1, script.size()));
    return line;
  };
  const auto first = shell_words(take().substr(2));
  if (!first || first.value().empty()) return {};
  const Words& words = first.value();
  if (is_python(words[0])) return words[0];
  if (base_name(words[0]) == "env") return words.size() > 1 ? words.back() : "";
  const auto second = shell_words(take());
  if (!second || second.value().size() < 2) return {};
  const std::string& python = second.value()[1];
  return second.value()[0] == "exec" && is_python(python) ? python : "";
}

Wrapper judge_wrapper(const GunicornLine& line) {
  constexpr std::array<std::string_view, 12> kKept = {
      "ddtrace-run",    "opentelemetry-instrument",
      "newrelic-admin", "nice",
      "ionice",         "chrt",
      "taskset",        "numactl",
      "setpriv",        "prlimit",
      "scout-apm",      "elasticapm-run"};
  constexpr std::array<std::string_view, 8> kSelecting = {
      "poetry", "uv", "pipenv", "pdm", "hatch", "rye", "conda", "micromamba"};
  Wrapper judged;
  std::string gone;
  const auto named = [](const auto& names, std::string_view word) {
    return std::find(names.begin(), names.end(), base_name(word)) != names.end();
  };
  bool keeping = false;
  bool selects = false;
  for (const std::string& word : line.wrapper) {
    const std::string_view name = base_name(word);
    if (name == "env" || name == "exec" || word == "--") continue;
    selects |= named(kSelecting, word);
    // A program begins where none of its own arguments can stand: what is kept is kept
    // to the end.
    keeping |= named(kKept, word);
    if (keeping) {
      judged.kept.push_back(word);
    } else {
      gone += (gone.empty() ? "" : " ") + word;
    }
  }
  if (!gone.empty()) {
    judged.told = fmt::format(
        "{}: is left out{}", gone,
        selects ? ", and with it the choice of the interpreter: name the one that it "
                  "chooses with --python"
                : "; what it did for Gunicorn has to be in the unit");
  }
  return judged;
}

}  // namespace monodon::cli
