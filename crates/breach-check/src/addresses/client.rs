//! The calls, sent.

use super::{
    Address, Breach, BreachName, ByAlias, Call, Domain, Error, Plan, Service, SubscribedDomain,
};
use crate::Http;

/// [`Service`] with the caller's HTTP client. It keeps no pace of its own: the
/// `Monitor` of feature `store` does.
#[derive(Clone, Debug)]
pub struct Client<H> {
    http: H,
    service: Service,
}

impl<H: Http> Client<H> {
    /// A client.
    pub fn new(http: H, service: Service) -> Self {
        Self { http, service }
    }

    /// What to send, without sending it.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Sends a call.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn send<T>(&self, call: Call<T>) -> Result<T, Error> {
        let sent = self.http.send(call.request().clone(), call.limit());
        call.read(&sent.await.map_err(Error::Http)?)
    }

    /// The state of the subscription.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn plan(&self) -> Result<Plan, Error> {
        self.send(self.service.plan()).await
    }

    /// The breaches of an address, by k-anonymity: six hexadecimal characters of its hash are sent.
    ///
    /// # Errors
    /// [`Error`]; [`Error::PlanLacks`] before anything is sent.
    pub async fn breaches_of(
        &self,
        plan: &Plan,
        address: &Address,
    ) -> Result<Vec<BreachName>, Error> {
        let hash = address.hash();
        let answer = self.send(self.service.range(plan, hash.range())?).await?;
        let of = answer.of(&hash).ok_or(Error::Malformed)?;
        Ok(of.to_vec())
    }

    /// The breaches of an address. **The whole address is sent.**
    ///
    /// # Errors
    /// [`Error`].
    pub async fn breaches_of_by_name(&self, address: &Address) -> Result<Vec<BreachName>, Error> {
        self.send(self.service.breaches_of_by_name(address)).await
    }

    /// The breaches of all addresses of a domain. The domain is sent.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Forbidden`] for a domain that the subscription does not have.
    pub async fn domain(&self, domain: &Domain) -> Result<ByAlias, Error> {
        self.send(self.service.domain(domain)).await
    }

    /// The domains that may be searched.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn subscribed_domains(&self) -> Result<Vec<SubscribedDomain>, Error> {
        self.send(self.service.subscribed_domains()).await
    }

    /// See [`Service::stealer_logs_by_name`]. **The whole address is sent.**
    ///
    /// # Errors
    /// [`Error`].
    pub async fn stealer_logs_by_name(
        &self,
        plan: &Plan,
        address: &Address,
    ) -> Result<Vec<String>, Error> {
        self.send(self.service.stealer_logs_by_name(plan, address)?)
            .await
    }

    /// See [`Service::stealer_logs_by_email_domain`].
    ///
    /// # Errors
    /// [`Error`].
    pub async fn stealer_logs_by_email_domain(
        &self,
        plan: &Plan,
        domain: &Domain,
    ) -> Result<ByAlias, Error> {
        self.send(self.service.stealer_logs_by_email_domain(plan, domain)?)
            .await
    }

    /// See [`Service::stealer_logs_by_website_domain`].
    ///
    /// # Errors
    /// [`Error`].
    pub async fn stealer_logs_by_website_domain(
        &self,
        plan: &Plan,
        domain: &Domain,
    ) -> Result<Vec<String>, Error> {
        self.send(self.service.stealer_logs_by_website_domain(plan, domain)?)
            .await
    }

    /// The breach that the service got last.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn latest_breach(&self) -> Result<Breach, Error> {
        self.send(self.service.latest_breach()).await
    }

    /// All breaches.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn breaches(&self) -> Result<Vec<Breach>, Error> {
        self.send(self.service.breaches()).await
    }

    /// One breach, if there is one of that name.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn breach(&self, name: &BreachName) -> Result<Option<Breach>, Error> {
        self.send(self.service.breach(name)).await
    }
}
