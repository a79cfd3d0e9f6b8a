//! What `cargo metadata` says of the workspace's own packages.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::backends;
use crate::run::{Cmd, Outcome};

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    // At run time first: a shared target folder may hold an xtask that another checkout built.
    let here = std::env::var("CARGO_MANIFEST_DIR");
    let here = PathBuf::from(here.as_deref().unwrap_or(env!("CARGO_MANIFEST_DIR")));
    here.parent().unwrap_or(&here).to_path_buf()
}

/// `path` as seen from the root.
pub(crate) fn relative(path: &Path) -> &Path {
    path.strip_prefix(root()).unwrap_or(path)
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// A package of the workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Relative to the root.
    pub(crate) dir: PathBuf,
    pub(crate) published: bool,
    /// The members of the workspace that it names, for whatever purpose.
    pub(crate) siblings: Vec<String>,
    /// `(kind, name)` of each target, e.g. `("bench", "record_store")`.
    pub(crate) targets: Vec<(String, String)>,
    /// The sets of features that it must compile with; the last is the widest.
    pub(crate) feature_sets: Vec<Vec<String>>,
    /// Features of which a build has one at most.
    pub(crate) backends: Vec<String>,
    /// What `default` turns on.
    pub(crate) defaults: Vec<String>,
    /// Whether docs.rs is told which features to show.
    pub(crate) docs_rs: bool,
}

impl Package {
    pub(crate) fn has_target(&self, kind: &str, name: &str) -> bool {
        self.targets.iter().any(|(k, n)| k == kind && n == name)
    }

    pub(crate) fn has_lib(&self) -> bool {
        self.targets.iter().any(|(kind, _)| kind == "lib")
    }

    /// With the backend that this machine can build.
    pub(crate) fn widest(&self) -> &[String] {
        match self.backends.is_empty() {
            true => self.feature_sets.last().map_or(&[], Vec::as_slice),
            false => self.widest_with(backends::chosen()),
        }
    }

    /// Arguments that give it its widest features when it is built by itself: without its defaults where these have a
    /// backend that this machine does not build.
    pub(crate) fn select(&self) -> Vec<String> {
        self.select_with(backends::chosen())
    }

    fn select_with(&self, backend: &str) -> Vec<String> {
        let widest = match self.backends.is_empty() {
            true => self.widest(),
            false => self.widest_with(backend),
        };
        let mut args = Vec::new();
        if self.defaults_to_another(backend) {
            args.push("--no-default-features".to_owned());
        }
        if !widest.is_empty() {
            args.extend(["--features".to_owned(), widest.join(",")]);
        }
        args
    }

    /// Whether its defaults have a backend other than this one.
    fn defaults_to_another(&self, backend: &str) -> bool {
        let other = |f: &String| self.backends.contains(f) && f != backend;
        self.defaults.iter().any(other)
    }

    /// With this backend.
    pub(crate) fn widest_with(&self, backend: &str) -> &[String] {
        let mut sets = self.feature_sets.iter().rev();
        let widest = sets.find(|set| set.iter().any(|f| f == backend));
        widest.map_or(&[], Vec::as_slice)
    }
}

/// The packages of the workspace.
pub(crate) fn packages() -> Outcome<Vec<Package>> {
    let text = Cmd::cargo("metadata")
        .args(["--format-version", "1", "--no-deps"])
        .output()?;
    let metadata: Value = serde_json::from_str(&text)?;
    let packages = list(&metadata["packages"]);
    let names: Vec<&str> = packages.iter().filter_map(|p| p["name"].as_str()).collect();
    Ok(packages.iter().map(|p| package(p, &names)).collect())
}

/// Arguments that select every package with its widest legal features: one selection for all the tests, so that
/// nothing is built twice. A package whose defaults have another backend than this machine builds would bring a second
/// one into the same build: then nobody's defaults are taken, and all but that backend is named.
pub(crate) fn everything(packages: &[Package]) -> Vec<String> {
    match packages.iter().any(|p| !p.backends.is_empty()) {
        true => everything_with(packages, backends::chosen()),
        false => everything_with(packages, ""),
    }
}

fn everything_with(packages: &[Package], backend: &str) -> Vec<String> {
    let without_defaults = packages.iter().any(|p| p.defaults_to_another(backend));
    let mut features = Vec::new();
    for package in packages {
        let mut own = match package.backends.is_empty() {
            true => package.widest().to_vec(),
            false => package.widest_with(backend).to_vec(),
        };
        if without_defaults {
            let kept = |f: &&String| !package.backends.contains(f) && !own.contains(f);
            let kept: Vec<String> = package.defaults.iter().filter(kept).cloned().collect();
            own.extend(kept);
        }
        features.extend(own.iter().map(|f| format!("{}/{f}", package.name)));
    }
    let mut args = vec!["--workspace".to_owned()];
    if without_defaults {
        args.push("--no-default-features".into());
    }
    if !features.is_empty() {
        args.extend(["--features".into(), features.join(",")]);
    }
    args
}

fn package(value: &Value, names: &[&str]) -> Package {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let manifest = PathBuf::from(text(&value["manifest_path"]));
    let dir = manifest.parent().unwrap_or(&manifest);
    let features = value["features"].as_object();
    let features: Vec<String> = features
        .into_iter()
        .flat_map(|f| f.keys().cloned())
        .filter(|f| f != "default")
        .collect();
    let declared = &value["metadata"]["letterlock"]["feature-sets"];
    Package {
        name: text(&value["name"]),
        dir: relative(dir).to_path_buf(),
        published: value["publish"] != serde_json::json!([]),
        siblings: list(&value["dependencies"])
            .iter()
            .filter_map(|d| d["name"].as_str())
            .filter(|name| names.contains(name))
            .map(str::to_owned)
            .collect(),
        targets: list(&value["targets"])
            .iter()
            .map(|t| (text(&t["kind"][0]), text(&t["name"])))
            .collect(),
        feature_sets: if declared.is_array() {
            let sets = list(declared).iter();
            sets.map(|set| list(set).iter().map(text).collect())
                .collect()
        } else {
            default_sets(&features)
        },
        backends: list(&value["metadata"]["letterlock"]["backends"])
            .iter()
            .map(text)
            .collect(),
        defaults: list(&value["features"]["default"])
            .iter()
            .map(text)
            .collect(),
        docs_rs: value["metadata"]["docs"]["rs"].is_object(),
    }
}

/// None, each alone, all.
fn default_sets(features: &[String]) -> Vec<Vec<String>> {
    let mut sets = vec![Vec::new()];
    sets.extend(features.iter().map(|f| vec![f.clone()]));
    if features.len() > 1 {
        sets.push(features.to_vec());
    }
    sets
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn features_default_to_none_each_and_all() {
        let sets = default_sets(&["a".into(), "b".into()]);
        assert_eq!(sets, [vec![], vec!["a"], vec!["b"], vec!["a", "b"]]);
        assert_eq!(default_sets(&[]), [Vec::<String>::new()]);
    }

    #[test]
    fn declared_feature_sets_win_and_the_last_is_the_widest() {
        let value = json!({
            "name": "a", "manifest_path": "a/Cargo.toml", "publish": [],
            "features": {"default": [], "x": [], "y": []},
            "metadata": {"letterlock": {"feature-sets": [["x"], ["y"]]}},
            "dependencies": [{"name": "serde"}, {"name": "b"}],
        });
        let package = package(&value, &["a", "b"]);
        assert_eq!(package.feature_sets, [["x"], ["y"]]);
        assert_eq!(package.siblings, ["b"]);
        assert!(!package.published);
        assert_eq!(everything(&[package]), ["--workspace", "--features", "a/y"]);
    }

    #[test]
    fn the_widest_set_is_that_of_the_backend() {
        let value = json!({
            "name": "a", "manifest_path": "a/Cargo.toml",
            "metadata": {"letterlock": {
                "feature-sets": [[], ["x"], ["x", "more"], ["y"]],
                "backends": ["x", "y"],
            }},
        });
        let package = package(&value, &["a"]);
        assert_eq!(package.widest_with("x"), ["x", "more"]);
        assert_eq!(package.widest_with("y"), ["y"]);
        assert!(package.widest_with("z").is_empty());
    }

    /// Features are unified over all that is built together: a default that were left in would be a second backend.
    #[test]
    fn a_default_backend_gives_way_to_the_chosen_one() {
        let service = Package {
            name: "a".into(),
            feature_sets: vec![vec!["y".into()], vec!["x".into(), "more".into()]],
            backends: vec!["x".into(), "y".into()],
            defaults: vec!["x".into(), "more".into()],
            ..Package::default()
        };
        let other = Package {
            name: "b".into(),
            feature_sets: vec![vec!["z".into()]],
            defaults: vec!["d".into()],
            ..Package::default()
        };
        assert_eq!(service.select_with("x"), ["--features", "x,more"]);
        let without = ["--no-default-features", "--features", "y"];
        assert_eq!(service.select_with("y"), without);
        let both = [service, other];
        let args = everything_with(&both, "x");
        assert_eq!(args, ["--workspace", "--features", "a/x,a/more,b/z"]);
        assert_eq!(
            everything_with(&both, "y"),
            [
                "--workspace",
                "--no-default-features",
                "--features",
                "a/y,a/more,b/z,b/d"
            ]
        );
    }

    #[test]
    fn this_workspace_is_seen() {
        let packages = packages().unwrap();
        let own = packages.iter().find(|p| p.name == "xtask").unwrap();
        assert!(!own.published && own.has_target("bin", "xtask"));
        assert_eq!(own.dir, Path::new("xtask"));
    }
}
