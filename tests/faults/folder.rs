//! The folder of the database, not only its file, cannot be written: its file system is mounted
//! read-only or gives up, or it becomes immutable while the daemon runs.

use std::path::{Path, PathBuf};

use reqwest::StatusCode;

use crate::disk::{all_are_there, not_ready_because, permitted, readyz, send};
use crate::support::world::{World, event};

/// A world whose database is alone in a folder, not started.
async fn with_a_folder() -> (World, PathBuf) {
    let world = World::unstarted("").await;
    let folder = world.folder.path().join("data");
    std::fs::create_dir(&folder).unwrap();
    keep_database_in(&world, &folder);
    (world, folder)
}

fn keep_database_in(world: &World, folder: &Path) {
    let store = format!(
        "[store]\nurl = \"sqlite:{}/ringdown.db\"\n",
        folder.display()
    );
    std::fs::write(world.folder.path().join("more.toml"), store).unwrap();
}

/// A file system of its own on a folder, unmounted in the end.
struct Mounted(PathBuf);

impl Mounted {
    /// `None`, with the reason printed, where mounting is refused.
    fn on(folder: &Path) -> Option<Self> {
        let mounted = Self(folder.to_owned());
        if mounted.mount(&["-t", "tmpfs", "tmpfs"]) {
            return Some(mounted);
        }
        println!("skipped: this machine does not let a test mount a file system");
        None
    }

    fn mount(&self, arguments: &[&str]) -> bool {
        let place = self.0.to_str().unwrap();
        permitted("mount", &[arguments, &[place]].concat())
    }

    fn set_read_only(&self, read_only: bool) {
        let options = if read_only {
            "remount,ro"
        } else {
            "remount,rw"
        };
        assert!(self.mount(&["-o", options]));
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        permitted("umount", &["--lazy", self.0.to_str().unwrap()]);
    }
}

/// A database and its folder that not even root can write until this is dropped: all but the
/// file that SQLite maps into memory, because Linux ends a process that writes to a mapped file
/// which has become immutable.
struct ImmutableFolder(Vec<PathBuf>);

impl ImmutableFolder {
    fn made(folder: &Path) -> Option<Self> {
        let files = std::fs::read_dir(folder).unwrap();
        let files = files.map(|entry| entry.unwrap().path());
        let mut paths: Vec<PathBuf> = files
            .filter(|path| !path.to_str().unwrap().ends_with("-shm"))
            .collect();
        paths.push(folder.to_owned());
        if Self::change("+i", &paths) {
            return Some(Self(paths));
        }
        println!("skipped: this machine does not let a test make a folder immutable");
        None
    }

    fn change(how: &str, paths: &[PathBuf]) -> bool {
        let paths: Vec<&str> = paths.iter().map(|path| path.to_str().unwrap()).collect();
        permitted("chattr", &[&[how][..], &paths].concat())
    }
}

impl Drop for ImmutableFolder {
    fn drop(&mut self) {
        Self::change("-i", &self.0);
    }
}

/// A file system in a file that gives up when it is told of an error: nothing can be written to
/// it any more, though files in it are open for that.
struct Failing {
    image: PathBuf,
    mounted: Mounted,
}

impl Failing {
    fn on(world: &World, folder: &Path) -> Option<Self> {
        let image = world.folder.path().join("image");
        std::fs::File::create(&image)
            .unwrap()
            .set_len(32 << 20)
            .unwrap();
        let name = image.to_str().unwrap();
        let failing = Self {
            mounted: Mounted(folder.to_owned()),
            image: image.clone(),
        };
        if permitted("mkfs.ext4", &["-q", "-e", "remount-ro", name]) && failing.mount() {
            return Some(failing);
        }
        println!("skipped: this machine does not let a test mount a file system from a file");
        None
    }

    fn mount(&self) -> bool {
        self.mounted
            .mount(&["-o", "loop", self.image.to_str().unwrap()])
    }

    /// Whether it could be told of an error.
    fn give_up(&self) -> bool {
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
        let place = self.mounted.0.to_str().unwrap();
        let device = mounts.lines().find_map(|line| {
            let (device, rest) = line.split_once(' ')?;
            rest.starts_with(place).then(|| device.replace("/dev/", ""))
        });
        let switch = format!("/sys/fs/ext4/{}/trigger_fs_error", device.unwrap());
        std::fs::write(switch, "a test").is_ok()
    }

    /// As an operator mends it.
    fn mend(&self) {
        assert!(permitted("umount", &[self.mounted.0.to_str().unwrap()]));
        permitted("e2fsck", &["-p", "-f", self.image.to_str().unwrap()]);
        assert!(self.mount());
    }
}

/// A start that is refused says which setting is meant, and why.
async fn is_refused(world: &World, why: &str) {
    let mut serve = world.command(&["serve"]);
    let output = tokio::task::spawn_blocking(move || serve.output().unwrap());
    let output = output.await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("store.url") && said.contains(why), "{said}");
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_at_the_start_is_refused_with_its_setting_and_reason() {
    let (mut world, folder) = with_a_folder().await;
    let Some(disk) = Mounted::on(&folder) else {
        return;
    };
    disk.set_read_only(true);
    is_refused(&world, "Read-only file system").await;
    keep_database_in(&world, &folder.join("inner"));
    is_refused(&world, "Read-only file system").await;

    disk.set_read_only(false);
    keep_database_in(&world, &folder);
    world.start().await;
    world.accept(&event("evt-0", "q0", 400.0)).await;
    world.tickets(1).await;
    world.all_delivered().await;
    assert!(world.daemon.terminate());
    disk.set_read_only(true);
    is_refused(&world, "Read-only file system").await;

    disk.set_read_only(false);
    world.start().await;
    all_are_there(&world, 1).await;
}

#[tokio::test]
async fn a_folder_that_becomes_read_only_is_503_and_not_ready_until_it_can_be_written_again() {
    let (mut world, folder) = with_a_folder().await;
    world.start().await;
    world.accept(&event("evt-0", "q0", 400.0)).await;
    world.tickets(1).await;
    world.all_delivered().await;
    let Some(immutable) = ImmutableFolder::made(&folder) else {
        return;
    };
    let (status, retry_after) = send(&world, &event("evt-1", "q1", 400.0)).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(retry_after.is_some_and(|after| after.parse::<u64>().is_ok()));
    let why = not_ready_because(&world).await;
    assert!(
        why.contains("disk I/O") || why.contains("readonly"),
        "{why}"
    );
    drop(immutable);
    world
        .until("it is accepted again", async || {
            send(&world, &event("evt-1", "q1", 400.0)).await.0 == StatusCode::ACCEPTED
        })
        .await;
    world
        .until("it is ready again", async || readyz(&world).await.0 == 200)
        .await;
    all_are_there(&world, 2).await;
    world.daemon.kill();
    world.start().await;
    all_are_there(&world, 2).await;
}

#[tokio::test]
async fn a_file_system_that_gives_up_is_503_and_not_ready_and_has_lost_nothing_once_it_is_mended() {
    let (mut world, folder) = with_a_folder().await;
    let Some(disk) = Failing::on(&world, &folder) else {
        return;
    };
    world.start().await;
    world.accept(&event("evt-0", "q0", 400.0)).await;
    world.tickets(1).await;
    world.all_delivered().await;
    if !disk.give_up() {
        println!("skipped: this machine's ext4 cannot be told of an error");
        return;
    }
    let (status, retry_after) = send(&world, &event("evt-1", "q1", 400.0)).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(retry_after.is_some());
    not_ready_because(&world).await;
    world.daemon.kill();
    is_refused(&world, "Read-only file system").await;
    disk.mend();
    world.start().await;
    world.accept(&event("evt-1", "q1", 400.0)).await;
    all_are_there(&world, 2).await;
}
