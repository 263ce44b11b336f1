// The format `best`: the smallest of several (paid.md section 8). Which may be, from facts and
// options: any thread; which it is: helper threads only.
#pragma once

#include <vector>

#include "imgring/format/abilities.h"
#include "save_result.h"

namespace imgring::pipeline {

// The formats that a still result may have, in the order of a tie; never empty.
std::vector<ImageType> best_candidates(const PlanInput& input, const format::Abilities& abilities);
// A profile of inks stays only where all of them hold it.
void set_candidates(std::vector<ImageType> types, PlanInput* input);
// Saves the picture in each format of its class and gives the smallest.
Result<Saved> save_best(image::VipsImagePtr picture, const SaveContext& context);

}  // namespace imgring::pipeline
