#include "magnu/io/study/joint_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "magnu/io/study/curve_reader.hpp"
#include "magnu/io/study/inference_reader.hpp"
#include "magnu/io/study/keys.hpp"
#include "magnu/io/study/quantity.hpp"
#include "magnu/scan/detector_likelihood.hpp"

namespace magnu {
namespace {

constexpr const char* joint_form = "write for example joint: [{name: both, of: [er, nr]}]";

/// InputError where two detectors disagree about what a joint fit shares.
void expect_shared(const Setting& of, const Curve& a, const Curve& b) {
  const auto differ = [&](const std::string& what) {
    throw of.error(fmt::format("'{}' and '{}' have different {}, which a joint fit shares",
                               quotable(a.name), quotable(b.name), what),
                   "make it the same in both");
  };
  if (a.flux.solar_model != b.flux.solar_model) differ("solar_model");
  if (a.flux.b8_spectrum != b.flux.b8_spectrum) differ("b8_spectrum");
  if (!(a.flux.oscillation == b.flux.oscillation)) differ("oscillation");
  if (a.couplings.sin2_theta_w != b.couplings.sin2_theta_w) differ("sin2_theta_w");
  for (const auto& component : a.flux.components)
    if (std::find(b.flux.components.begin(), b.flux.components.end(), component) !=
            b.flux.components.end() &&
        a.uncertainties.of_flux(a.flux.solar_model, component) !=
            b.uncertainties.of_flux(b.flux.solar_model, component))
      differ("uncertainties.flux." + component);
  const auto &u = a.uncertainties, &v = b.uncertainties;
  for (const auto& [name, here, there] :
       {std::tuple{"sin2_theta12", u.sin2_theta12, v.sin2_theta12},
        std::tuple{"sin2_theta13", u.sin2_theta13, v.sin2_theta13},
        std::tuple{"dm2_21", u.dm2_21, v.dm2_21},
        std::tuple{"sin2_theta_w", u.sin2_theta_w, v.sin2_theta_w}})
    if (here != there) differ(std::string("uncertainties.") + name);
}

/// The curves that `of` names.
std::vector<Curve> read_members(const Setting& of, const std::vector<Curve>& curves) {
  if (of.kind != Setting::Kind::list || of.items.size() < 2)
    throw of.error("a list of two curves or more is expected here", joint_form);
  constexpr std::size_t most_named = 8;
  std::vector<std::string> names;
  for (const auto& curve : curves)
    if (!curve.is_joint() && names.size() < most_named) names.push_back(quotable(curve.name, 30));
  std::vector<Curve> members;
  for (const auto& item : of.items) {
    const auto& name = read_text(item, "name a curve");
    const auto found = std::find_if(curves.begin(), curves.end(), [&](const Curve& curve) {
      return curve.name == name && !curve.is_joint();
    });
    if (found == curves.end())
      throw item.error("no curve has this name",
                       fmt::format("known: {}{}", fmt::join(names, ", "),
                                   curves.size() > names.size() ? ", ..." : ""));
    if (!found->is_poisson())
      throw item.error("the curve is no likelihood", "set its statistic: poisson");
    for (const auto& member : members) {
      if (member.name == name) throw item.error("given twice", "keep one of the two");
      expect_shared(item, member, *found);
    }
    if (!members.empty() && members.front().counts.empty() != found->counts.empty())
      throw item.error("some of the curves have observed counts, others not",
                       "give all of them counts, or none");
    members.push_back(*found);
  }
  return members;
}

}  // namespace

void read_joints(const Setting& root, Study& study) {
  const auto* list = root.find("joint");
  if (!list) return;
  if (list->kind != Setting::Kind::list || list->items.empty())
    throw list->error("a list of maps is expected here", joint_form);
  const auto known = key_names("joint");
  for (const auto& entry : list->items) {
    if (entry.kind != Setting::Kind::map) throw entry.error("a map is expected here", joint_form);
    check_keys(entry, known);
    for (const char* key : {"name", "of"})
      if (!entry.find(key)) throw entry.error(fmt::format("'{}' is missing", key), joint_form);
    const auto* name = entry.find("name");
    const auto text = read_curve_name(*name);
    for (const auto& curve : study.curves)
      if (curve.name == text)
        throw name->error("a curve has this name", "give the joint fit a name of its own");
    const auto members = read_members(*entry.find("of"), study.curves);
    auto joint = members.front();
    joint.together = members;
    joint.name = text;
    // What the study says, not what the first detector does for itself.
    const auto given = [&](const char* key) {
      return entry.find(key) ? entry.find(key) : root.find(key);
    };
    Setting none;
    none.kind = Setting::Kind::map;
    read_interval(given("interval") ? *given("interval") : none, joint);
    const auto* level = given("confidence_level");
    joint.confidence_level = level ? read_confidence_level(*level) : Curve().confidence_level;
    if (study.reach && joint.toys)
      throw root.find("reach")->error(
          "is not solved with limits from toys",
          "set interval.method: asymptotic, or sweep the setting as an axis");
    check_level(study, joint, root, entry.find("confidence_level") ? entry : root);
    for (const auto& axis : study.axes) axis.put(joint, 0);
    study.curves.push_back(joint);
  }
}

}  // namespace magnu
