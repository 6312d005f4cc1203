//! `PrepareUploadUGC`: which regions there are. One: clients then do not race.

use reelgate_wire::ugc::{CosRegion, PrepareData, PrepareRequest};

use super::Failed;
use crate::app::App;
use crate::http::Origin;
use crate::uploads::Permit;

pub(super) async fn prepare(app: &App, origin: &Origin, body: &[u8]) -> Result<PrepareData, Failed> {
    let request = PrepareRequest::parse(body)?;
    let permit = Permit::verify(app, &request.signature).await?;
    let upload = &app.config.upload;
    let bucket = format!("{}-{}", upload.bucket, permit.scope.app());
    let domain = object_domain(&upload.object_domains, origin);
    let domain = domain.replace("{bucket}", &bucket).replace("{region}", &upload.region);
    let region = CosRegion { region: upload.region.clone(), domain, ..CosRegion::default() };
    Ok(PrepareData { app_id: app.main_app().0, cos_region_list: vec![region] })
}

/// The first configured pattern; the vendor's when the client came by one of the vendor's names.
fn object_domain<'a>(patterns: &'a [String], origin: &Origin) -> &'a str {
    let vendor = "{bucket}.cos.{region}.myqcloud.com";
    let by_vendor_name = origin.host.ends_with(".qcloud.com") || origin.host.ends_with(".dnsv1.com");
    match patterns.first() {
        Some(first) if !by_vendor_name => first,
        _ => vendor,
    }
}
